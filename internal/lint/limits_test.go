package lint

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The sizes above which a reader loses the thread.
const (
	maxFileLines     = 800
	maxFunctionLines = 120 // a state table may be longer when its doc comment says "state table"
)

// maxExported limits the top-level exported names of each public package.
var maxExported = map[string]int{"poller": 40, "eio": 80, "sio": 150}

// TestFilesAndFunctionsAreShort holds files and functions to the sizes above.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if f.lines > maxFileLines {
			t.Errorf("%s: %d lines, at most %d", f.path, f.lines, maxFileLines)
		}
		if f.test {
			continue
		}
		for _, decl := range f.ast.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || strings.Contains(d.Doc.Text(), "state table") {
				continue
			}
			n := f.fset.Position(d.End()).Line - f.fset.Position(d.Pos()).Line + 1
			if n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d", f.at(d), d.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// TestSurfaceIsSmall counts the exported names of the public packages.
func TestSurfaceIsSmall(t *testing.T) {
	count := map[string]int{}
	for _, f := range moduleFiles(t) {
		if !f.test {
			count[f.dir] += exportedNames(f.ast)
		}
	}
	for dir, limit := range maxExported {
		if count[dir] > limit {
			t.Errorf("%s exports %d names, at most %d", dir, count[dir], limit)
		}
	}
}

func exportedNames(tree *ast.File) int {
	n := 0
	one := func(name *ast.Ident) {
		if name.IsExported() {
			n++
		}
	}
	for _, decl := range tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				one(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					one(s.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						one(name)
					}
				}
			}
		}
	}
	return n
}

// forbiddenCalls are calls that a library leaves to its user: where to print, and when to exit.
var forbiddenCalls = map[string][]string{
	"fmt":  {"Print", "Printf", "Println"},
	"log":  {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
	"os":   {"Exit"},
	"time": {"Tick"},
}

// TestLibrariesDoNotPrint looks for calls that a library must not make.
func TestLibrariesDoNotPrint(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if !f.library() {
			continue
		}
		eachCall(f, func(call *ast.CallExpr, pkg, name string) {
			if slices.Contains(forbiddenCalls[pkg], name) || pkg == "" && (name == "print" || name == "println") {
				t.Errorf("%s: a library must not call %s", f.at(call), strings.TrimPrefix(pkg+"."+name, "."))
			}
		})
	}
}

// hotPath marks a file that says it is one.
var hotPath = regexp.MustCompile(`(?m)^// Hot path`)

// TestHotPathsDoNotReadTheClock holds files that call themselves a hot path to their word.
func TestHotPathsDoNotReadTheClock(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if f.test || !slices.ContainsFunc(f.ast.Comments, func(g *ast.CommentGroup) bool {
			return slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return hotPath.MatchString(c.Text) })
		}) {
			continue
		}
		eachCall(f, func(call *ast.CallExpr, pkg, name string) {
			if pkg == "time" && name == "Now" || pkg == "fmt" && strings.HasPrefix(name, "Sprint") {
				t.Errorf("%s: %s.%s in a file that is marked as a hot path", f.at(call), pkg, name)
			}
		})
	}
}

// eachCall calls visit for each call in f whose function is a plain or a package-qualified name.
func eachCall(f *file, visit func(call *ast.CallExpr, pkg, name string)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			visit(call, "", fun.Name)
		case *ast.SelectorExpr:
			if x, ok := fun.X.(*ast.Ident); ok {
				visit(call, x.Name, fun.Sel.Name)
			}
		}
		return true
	})
}

// meaningless are package names that say nothing about what is inside.
var meaningless = []string{"util", "utils", "common", "helpers", "misc", "types", "errors", "pkg", "base"}

// TestNamesMean refuses packages named for nothing.
func TestNamesMean(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if slices.Contains(meaningless, path.Base(f.dir)) {
			t.Errorf("%s: a package name must say what is inside", f.path)
		}
	}
}

// unfinished matches the marks that people leave on work they have not done.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

// TestNothingIsLeftUnfinished looks for such marks in comments.
func TestNothingIsLeftUnfinished(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if f.under("internal/lint") {
			continue
		}
		for _, g := range f.ast.Comments {
			for _, c := range g.List {
				if mark := unfinished.FindString(c.Text); mark != "" {
					t.Errorf("%s: %s: finish it, or file it and leave it out", f.at(c), mark)
				}
			}
		}
	}
}
