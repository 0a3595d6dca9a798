package lint

import (
	"go/ast"
	"strings"
	"testing"
)

// fewWords is the length below which a doc comment can only repeat the name.
const fewWords = 4

// TestExportedNamesAreDocumented asks for a comment with information on every exported name of a
// library package: functions, methods, types, their fields when the type is a configuration, methods
// of interfaces, constants and variables. That it starts with the name is staticcheck's part.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if !f.library() {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) {
					needsDoc(t, f, d, d.Name.Name, d.Doc)
				}
			case *ast.GenDecl:
				checkGroup(t, f, d)
			}
		}
	}
}

// TestPackagesAreDocumented asks every package for a package comment.
func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range moduleFiles(t) {
		if f.test {
			continue
		}
		documented[f.dir] = documented[f.dir] || f.ast.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

func checkGroup(t *testing.T, f *file, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				needsDoc(t, f, s, s.Name.Name, d.Doc, s.Doc)
				checkMembers(t, f, s)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() {
					needsDoc(t, f, s, name.Name, d.Doc, s.Doc, s.Comment)
				}
			}
		}
	}
}

func checkMembers(t *testing.T, f *file, s *ast.TypeSpec) {
	switch typ := s.Type.(type) {
	case *ast.InterfaceType:
		for _, m := range typ.Methods.List {
			for _, name := range m.Names {
				if name.IsExported() {
					needsDoc(t, f, m, s.Name.Name+"."+name.Name, m.Doc, m.Comment)
				}
			}
		}
	case *ast.StructType:
		if !strings.HasSuffix(s.Name.Name, "Config") && !strings.HasSuffix(s.Name.Name, "Options") {
			return
		}
		for _, field := range typ.Fields.List {
			for _, name := range field.Names {
				if name.IsExported() {
					needsDoc(t, f, field, s.Name.Name+"."+name.Name, field.Doc, field.Comment)
				}
			}
		}
	}
}

// needsDoc asks for a comment with information in one of groups, or in all of them together: a short
// comment on one name of a group adds to the group's own.
func needsDoc(t *testing.T, f *file, n ast.Node, name string, groups ...*ast.CommentGroup) {
	t.Helper()
	words := 0
	for _, g := range groups {
		words += len(strings.Fields(g.Text()))
	}
	if words == 0 {
		t.Errorf("%s: %s has no doc comment", f.at(n), name)
	} else if words < fewWords {
		t.Errorf("%s: the doc comment of %s says nothing that the name does not say", f.at(n), name)
	}
}

// exportedReceiver reports whether d is a function, or a method that users can reach.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// ownerWords are the words one of which a doc comment uses to say who owns a []byte.
var ownerWords = []string{"valid", "cop", "own", "keep", "kept", "retain", "append", "until", "borrow", "shared", "view", "takes over"}

// TestBytesHaveAnOwner asks the doc comment of every exported function with []byte in its signature
// whose bytes they are, and until when. A package of pure functions may say it once for all, in its
// package comment after the word "Ownership".
func TestBytesHaveAnOwner(t *testing.T) {
	files := moduleFiles(t)
	said := map[string]bool{}
	for _, f := range files {
		said[f.dir] = said[f.dir] || strings.Contains(f.ast.Doc.Text(), "Ownership")
	}
	for _, f := range files {
		if !f.library() || said[f.dir] {
			continue
		}
		for _, decl := range f.ast.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if ok && d.Name.IsExported() && exportedReceiver(d) && hasBytes(d.Type) && !namesOwner(d.Doc) {
				t.Errorf("%s: %s has []byte in its signature and no sentence on who owns it and until when", f.at(d), d.Name.Name)
			}
		}
	}
}

func namesOwner(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	text := strings.ToLower(doc.Text())
	for _, w := range ownerWords {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func hasBytes(typ *ast.FuncType) bool {
	found := false
	look := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			array, ok := field.Type.(*ast.ArrayType)
			if !ok || array.Len != nil {
				continue
			}
			elem, ok := array.Elt.(*ast.Ident)
			found = found || ok && elem.Name == "byte"
		}
	}
	look(typ.Params)
	look(typ.Results)
	return found
}

// TestGoroutinesSayWhenTheyEnd asks for a comment on, or right above, every go statement of a library.
func TestGoroutinesSayWhenTheyEnd(t *testing.T) {
	for _, f := range moduleFiles(t) {
		if !f.library() {
			continue
		}
		commented := commentedLines(f)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				line := f.fset.Position(g.Pos()).Line
				if !commented[line] && !commented[line-1] {
					t.Errorf("%s: a go statement without a comment that says when it ends", f.at(g))
				}
			}
			return true
		})
	}
}

func commentedLines(f *file) map[int]bool {
	lines := map[int]bool{}
	for _, g := range f.ast.Comments {
		from, to := f.fset.Position(g.Pos()).Line, f.fset.Position(g.End()).Line
		for l := from; l <= to; l++ {
			lines[l] = true
		}
	}
	return lines
}
