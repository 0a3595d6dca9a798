package lint

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named matches what the documents name in backquotes as a proof: a test, an example or a fuzz target, or a
// script of the end-to-end tests.
var named = regexp.MustCompile("`((?:Test|Example|Fuzz)[A-Za-z0-9_]*|[a-z0-9-]+\\.mjs)`")

// TestDocumentsNameRealTests looks for each test that README.md and ARCHITECTURE.md name.
func TestDocumentsNameRealTests(t *testing.T) {
	there := proofs(t)
	for _, document := range []string{"README.md", "ARCHITECTURE.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", document))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(raw), "\n") {
			for _, m := range named.FindAllStringSubmatch(line, -1) {
				if !there[m[1]] {
					t.Errorf("%s:%d: there is no %s", document, i+1, m[1])
				}
			}
		}
	}
}

// TestEveryFeatureNamesItsTest holds README's table of features to its promise: the last cell of each row
// names a test.
func TestEveryFeatureNamesItsTest(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, features, ok := strings.Cut(string(raw), "\n## Features")
	if !ok {
		t.Fatal("README.md has no section Features")
	}
	rows := 0
	for line := range strings.Lines(features) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| --") || strings.HasPrefix(line, "| feature") {
			continue
		}
		rows++
		if last := cells[len(cells)-1]; !named.MatchString(last) {
			t.Errorf("README.md: the row %q names no test", cells[0])
		}
	}
	if rows < 30 {
		t.Errorf("README.md: %d features, where are the others?", rows)
	}
}

// testFunc matches the beginning of a test, an example or a fuzz target.
var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz)[A-Za-z0-9_]*)\(`)

// proofs returns the names of all test functions, those of nested modules included, and of the end-to-end
// scripts.
func proofs(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "node_modules":
			return filepath.SkipDir
		case strings.HasSuffix(path, ".mjs"):
			there[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range testFunc.FindAllSubmatch(text, -1) {
				there[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil || len(there) == 0 {
		t.Fatalf("%d tests found: %v", len(there), err)
	}
	return there
}
