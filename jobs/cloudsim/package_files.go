package cloudsim

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"
)

// packageManifest is the part of Manifest.xml that an import needs.
type packageManifest struct {
	XMLName     xml.Name `xml:"DataManagementPackageManifest"`
	Description string
	Entities    []struct {
		EntityName    string
		TargetEntity  string
		InputFilePath string
		Disable       bool
	} `xml:"PackageEntityList>DataManagementPackageEntityData"`
}

// DataPackage returns a data package as data management exports one: for each entity, by the name that Manifest.xml gives
// it, its rows as CSV with a line of field names.
func DataPackage(csvs map[string]string) ([]byte, error) {
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	files := map[string]string{"PackageHeader.xml": "<DataManagementPackageHeader/>"}
	entities := ""
	for entity, rows := range csvs {
		files[entity+".csv"] = rows
		entities += "<DataManagementPackageEntityData><EntityName>" + entity + "</EntityName><InputFilePath>" + entity + ".csv</InputFilePath></DataManagementPackageEntityData>"
	}
	files["Manifest.xml"] = `<DataManagementPackageManifest xmlns="http://schemas.microsoft.com/dynamics/2015/01/DataManagement"><PackageEntityList>` + entities +
		"</PackageEntityList></DataManagementPackageManifest>"
	for name, text := range files {
		f, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			return nil, fmt.Errorf("write %s of a data package: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write a data package: %w", err)
	}
	return data.Bytes(), nil
}

// packageFile is one entity's data: rows of field names and texts.
type packageFile struct {
	entity string
	rows   []map[string]string
	broken error // the file could not be read
}

// readPackage opens a data package. What it returns as an error makes the import fail to start.
func readPackage(data []byte) (packageManifest, []packageFile, error) {
	var m packageManifest
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return m, nil, said("The package is not a valid zip file.")
	}
	contents := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return m, nil, said("The package is damaged: %s cannot be read.", f.Name)
		}
		raw, err := io.ReadAll(io.LimitReader(r, 64<<20))
		if err = errors.Join(err, r.Close()); err != nil {
			return m, nil, said("The package is damaged: %s cannot be read.", f.Name)
		}
		contents[strings.ToLower(path.Base(f.Name))] = raw
	}
	if err := xml.Unmarshal(contents["manifest.xml"], &m); err != nil {
		return m, nil, said("The package has no valid Manifest.xml.")
	}
	var files []packageFile
	for _, e := range m.Entities {
		if e.Disable {
			continue
		}
		f := packageFile{entity: e.EntityName}
		if e.TargetEntity != "" {
			f.entity = e.TargetEntity
		}
		raw, ok := contents[strings.ToLower(path.Base(e.InputFilePath))]
		switch {
		case !ok:
			f.broken = said("The file '%s' is not in the package.", e.InputFilePath)
		case strings.EqualFold(path.Ext(e.InputFilePath), ".xml"):
			f.rows, f.broken = readXML(raw)
		default:
			f.rows, f.broken = readCSV(raw)
		}
		files = append(files, f)
	}
	return m, files, nil
}

// readCSV reads a file whose first line has the field names.
func readCSV(raw []byte) ([]map[string]string, error) {
	lines, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))).ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, said("The file is not valid CSV with a header.")
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// readXML reads a Document of records, whose elements are the fields.
func readXML(raw []byte) ([]map[string]string, error) {
	var doc struct {
		Records []struct {
			Fields []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(raw, &doc); err != nil {
		return nil, said("The file is not valid XML.")
	}
	var rows []map[string]string
	for _, r := range doc.Records {
		row := map[string]string{}
		for _, f := range r.Fields {
			row[f.XMLName.Local] = f.Text
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// importFiles writes the rows of all files, each for itself, and settles the import's status. Cloud.mu is held.
func (c *Cloud) importFiles(e *environment, p *PackageImport, run *packageRun) {
	failed := 0
	note := func(entity string, err error) {
		failed++
		e.db.PackageErrors = append(e.db.PackageErrors, PackageError{p.ExecutionID, entity, err.Error()})
	}
	for _, f := range run.files {
		i := slices.IndexFunc(c.sets, func(s *entitySet) bool {
			return slices.ContainsFunc([]string{s.name, s.entity, s.table}, func(n string) bool { return strings.EqualFold(n, f.entity) })
		})
		switch {
		case i < 0:
			note(f.entity, said("The entity '%s' does not exist.", f.entity))
			continue
		case f.broken != nil:
			note(f.entity, f.broken)
			continue
		}
		for n, row := range f.rows {
			if err := c.importRow(e, c.sets[i], run.company, row); err != nil {
				note(f.entity, fmt.Errorf("record %d: %w", n+1, err))
				continue
			}
			p.Rows++
		}
	}
	switch {
	case failed == 0:
		p.Status = "Succeeded"
	case p.Rows > 0:
		p.Status = "PartiallySucceeded"
	default:
		p.Status = "Failed"
	}
}

// importRow inserts or updates one row. Field names are matched without case, as data packages write them in capitals.
func (c *Cloud) importRow(e *environment, s *entitySet, company string, values map[string]string) error {
	row := reflect.New(reflect.TypeOf(s.newRow()))
	fill := func(row reflect.Value) error {
		for name, text := range values {
			i := slices.IndexFunc(s.props, func(p property) bool { return strings.EqualFold(p.name, name) })
			if i < 0 {
				return said("The field '%s' does not exist in '%s'.", name, s.table)
			}
			var v any = text
			if k := s.props[i].kind.Kind(); k == reflect.Int || k == reflect.Int64 {
				v = json.Number(text)
			}
			if err := s.props[i].set(row, v); err != nil {
				return err
			}
		}
		if p, bound := s.property("dataAreaId"); bound {
			switch own := p.get(row).(string); {
			case own == "":
				return p.set(row, company)
			case !strings.EqualFold(own, company):
				return said("The record belongs to the legal entity '%s', the import to '%s'.", own, company)
			}
		}
		return nil
	}
	if err := fill(row); err != nil {
		return err
	}
	key := map[string]any{}
	for _, p := range s.props {
		if p.key {
			key[p.name] = p.get(row)
		}
	}
	w := &write{c, e}
	check := func(old, changed any) error {
		if s.check == nil {
			return nil
		}
		return s.check(w, old, changed)
	}
	rows := s.rows(&e.db)
	i := slices.IndexFunc(rows, func(r reflect.Value) bool { return s.matches(r, key) })
	if i < 0 {
		if !s.insert {
			return said("Insert is not allowed for %s.", s.name)
		}
		if err := check(nil, row.Interface()); err != nil {
			return err
		}
		s.add(&e.db, row.Elem())
		if s.after != nil {
			s.after(w, nil, row.Interface())
		}
		return nil
	}
	if !s.update {
		return said("Update is not allowed for %s.", s.name)
	}
	changed := reflect.New(row.Type().Elem())
	changed.Elem().Set(rows[i].Elem())
	if err := fill(changed); err != nil {
		return err
	}
	if err := check(rows[i].Interface(), changed.Interface()); err != nil {
		return err
	}
	rows[i].Elem().Set(changed.Elem())
	return nil
}

// newRow is an empty row of the set.
func (s *entitySet) newRow() any {
	var db Database
	if s.single != nil {
		return reflect.ValueOf(s.single(&db)).Elem().Interface()
	}
	return reflect.Zero(reflect.TypeOf(s.slice(&db)).Elem().Elem()).Interface()
}
