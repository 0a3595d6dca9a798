package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the import path that the rules call "ours".
const module = "github.com/sirocco-io/sirocco"

// file is one Go file of the module, parsed.
type file struct {
	path  string // relative to the module's root, with slashes
	dir   string // the package's folder, "." for the root
	test  bool
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// at says where a node stands, for messages.
func (f *file) at(n ast.Node) string {
	p := f.fset.Position(n.Pos())
	return f.path + ":" + strconv.Itoa(p.Line)
}

// under reports whether f lies in dir or below it.
func (f *file) under(dir string) bool { return f.dir == dir || strings.HasPrefix(f.dir, dir+"/") }

// library reports whether f is code that others import: not a command, not a measuring tool, not a test.
func (f *file) library() bool {
	return !f.test && !f.under("cmd") && !f.under("bench") && !f.under("internal/e2e")
}

// source is the module, read once for all tests.
var source = sync.OnceValues(readModule)

func moduleFiles(t *testing.T) []*file {
	t.Helper()
	files, err := source()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go file found: the rules would pass without having looked at anything")
	}
	return files
}

func readModule() ([]*file, error) {
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	var files []*file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			return skipDir(path, rel, d.Name())
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := readFile(fset, path, rel)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// skipDir leaves out what is not this module's source: hidden folders, npm's, test data, nested modules.
func skipDir(path, rel, name string) error {
	if rel == "." {
		return nil
	}
	if strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func readFile(fset *token.FileSet, path, rel string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseFile(fset, rel, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	return &file{
		path:  rel,
		dir:   filepath.ToSlash(filepath.Dir(rel)),
		test:  strings.HasSuffix(rel, "_test.go"),
		lines: bytes.Count(text, []byte("\n")),
		fset:  fset,
		ast:   tree,
	}, nil
}
