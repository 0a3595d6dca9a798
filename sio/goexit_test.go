package sio

import "runtime"

func goexit() { runtime.Goexit() }
