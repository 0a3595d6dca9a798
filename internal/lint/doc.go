// Package lint holds the house rules that no public linter knows, as ordinary tests: which package
// may import which, what a doc comment must tell, how long a file may grow. They read the source of
// the whole module, on every platform's build tags at once, and need nothing but Go:
//
//	go test ./internal/lint
package lint
