package cloudsim

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// zipped makes a data package of files: entities with their file, and the files.
func zipped(t *testing.T, entities map[string]string, files map[string]string) string {
	t.Helper()
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(entities)) {
		fmt.Fprintf(&list, "<DataManagementPackageEntityData><Disable>false</Disable><EntityName>%s</EntityName><InputFilePath>%s</InputFilePath></DataManagementPackageEntityData>", name, entities[name])
	}
	all := map[string]string{"PackageHeader.xml": "<DataManagementPackageHeader/>", "Manifest.xml": `<?xml version="1.0" encoding="utf-8"?>` +
		`<DataManagementPackageManifest xmlns="http://schemas.microsoft.com/dynamics/2015/01/DataManagement"><Description>Test settings</Description>` +
		`<PackageEntityList>` + list.String() + `</PackageEntityList></DataManagementPackageManifest>`}
	maps.Copy(all, files)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range all {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// action calls an action of the data projects of uat and returns its value, or the error's text.
func (s sim) action(name string, in map[string]any) (value, refused string) {
	s.t.Helper()
	body, _ := json.Marshal(in)
	a := s.data("POST", "DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities."+name, string(body))
	if a.status != 200 {
		return "", a.inner()
	}
	value, _ = a.json["value"].(string)
	return value, ""
}

// upload puts a package into the storage and returns its address.
func (s sim) upload(data string) string {
	s.t.Helper()
	value, refused := s.action("GetAzureWriteUrl", map[string]any{"uniqueFileName": "p.zip"})
	var blob struct{ BlobId, BlobUrl string }
	if err := json.Unmarshal([]byte(value), &blob); err != nil || blob.BlobId == "" {
		s.t.Fatalf("%q, %q: %v", value, refused, err)
	}
	if a := s.do("PUT", blob.BlobUrl, data, "x-ms-blob-type: BlockBlob"); a.status != 201 {
		s.t.Fatalf("upload: %d %s", a.status, a.body)
	}
	return blob.BlobUrl
}

func (s sim) importing(address, id string, more map[string]any) string {
	s.t.Helper()
	in := map[string]any{"packageUrl": address, "definitionGroupId": "Test settings", "executionId": id, "execute": true, "overwrite": false, "legalEntityId": "usmf"}
	maps.Copy(in, more)
	_, refused := s.action("ImportFromPackage", in)
	return refused
}

func (s sim) execution(id string) string {
	s.t.Helper()
	v, _ := s.action("GetExecutionSummaryStatus", map[string]any{"executionId": id})
	return v
}

func TestAPackageIsImportedInItsOwnTime(t *testing.T) {
	t.Parallel()
	s := start(t, Options{PackageTime: 1e15})
	data := zipped(t, map[string]string{"DocumentParameters": "docu.csv", "BatchGroupEntity": "Batch groups.xml"}, map[string]string{
		"docu.csv":         "\xef\xbb\xbfKEY,WEBAPPSSERVERURL,MAXFILESIZEINFILESYSTEM\n0,https://office.test,7\n",
		"Batch groups.xml": "<Document><BATCHGROUPENTITY><GROUPID>EDI</GROUPID><SERVERID>BATCH1</SERVERID><DESCRIPTION>Partners</DESCRIPTION></BATCHGROUPENTITY></Document>",
	})
	if got := s.execution("one"); got != "Unknown" {
		t.Errorf("before it began: %s", got)
	}
	address := s.upload(data)
	if refused := s.importing(address, "one", nil); refused != "" {
		t.Fatal(refused)
	}
	if refused := s.importing(address, "two", nil); !strings.Contains(refused, "Another data package") {
		t.Errorf("a second import: %q", refused)
	}
	for _, want := range []string{"NotRun", "Executing", "Succeeded"} {
		if got := s.execution("one"); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if moved := s.AdvancePackage("uat"); moved != (want != "Succeeded") {
			t.Errorf("%s: moved %v", want, moved)
		}
	}
	if refused := s.importing(address, "one", nil); !strings.Contains(refused, "already exists") {
		t.Errorf("the same import again: %q", refused)
	}
	now := s.Snapshot("uat")
	for _, p := range now.DocumentParameters {
		if changed := p.WebAppsServer == "https://office.test" && p.MaxFileSize == 7; changed != (p.Company == "usmf") {
			t.Errorf("%+v", p)
		}
	}
	if !slices.Contains(now.BatchGroups, BatchGroup{"EDI", "BATCH1", "Partners"}) {
		t.Errorf("batch groups: %v", now.BatchGroups)
	}
	if got := now.Packages[len(now.Packages)-1]; got.Rows != 2 || got.By != "Admin" || got.DataProject != "Test settings" {
		t.Errorf("%+v", got)
	}
	if !slices.Contains(now.DataProjects, DataProject{"Test settings", "Test settings"}) || len(s.data("GET", "DataManagementDefinitionGroups", "").values()) != 2 {
		t.Errorf("data projects: %v", now.DataProjects)
	}
	for _, c := range s.Calls() {
		if strings.Contains(c.Path, "sig=") {
			t.Errorf("the log holds a signature: %s", c.Path)
		}
	}
}

func TestAnImportThatFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entities, files map[string]string
		status          string
		errs            []string // entity: words
	}{
		"entity unknown": {map[string]string{"Nope": "n.csv"}, map[string]string{"n.csv": "A\n1\n"}, "Failed", []string{"Nope: does not exist"}},
		"file missing":   {map[string]string{"DocumentParameters": "n.csv"}, nil, "Failed", []string{"DocumentParameters: not in the package"}},
		"field unknown":  {map[string]string{"EmailParameters": "n.csv"}, map[string]string{"n.csv": "ID,NOPE\n0,1\n"}, "Failed", []string{"EmailParameters: 'NOPE' does not exist"}},
		"rows that cannot be": {map[string]string{"SysAADClients": "n.csv"},
			map[string]string{"n.csv": "AADCLIENTID,USERID,NAME\n44440000-0000-4000-8000-00000000ed10,ANNA,EDI\nx,ANNA,EDI\n44440000-0000-4000-8000-00000000ed11,NOBODY,EDI\n"},
			"PartiallySucceeded", []string{"SysAADClients: record 2: Client Id 'x'", "SysAADClients: record 3: The value 'NOBODY'"}},
		"another legal entity":  {map[string]string{"DocumentParameters": "n.csv"}, map[string]string{"n.csv": "DATAAREAID,KEY,WEBAPPSSERVERURL\ndemf,0,x\n"}, "Failed", []string{"DocumentParameters: record 1: The record belongs to the legal entity 'demf'"}},
		"a number that is none": {map[string]string{"DocumentParameters": "n.csv"}, map[string]string{"n.csv": "KEY,MAXFILESIZEINFILESYSTEM\n0,many\n"}, "Failed", []string{"DocumentParameters: record 1: Cannot convert"}},
		"XML that is none":      {map[string]string{"DocumentParameters": "n.xml"}, map[string]string{"n.xml": "<Document>"}, "Failed", []string{"DocumentParameters: not valid XML"}},
		"read only":             {map[string]string{"ServerConfigurations": "n.csv"}, map[string]string{"n.csv": "AOSINSTANCENAME\nNEW\n"}, "Failed", []string{"ServerConfigurations: record 1: Insert is not allowed"}},
		"nothing to do":         {nil, nil, "Succeeded", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			if refused := s.importing(s.upload(zipped(t, tt.entities, tt.files)), "one", nil); refused != "" {
				t.Fatal(refused)
			}
			for s.AdvancePackage("uat") {
			}
			if got := s.execution("one"); got != tt.status {
				t.Errorf("%s, want %s", got, tt.status)
			}
			value, _ := s.action("GetExecutionErrors", map[string]any{"executionId": "one"})
			var got []struct{ EntityName, ErrorMessage string }
			if err := json.Unmarshal([]byte(value), &got); err != nil || len(got) != len(tt.errs) {
				t.Fatalf("%s: %v", value, err)
			}
			for i, want := range tt.errs {
				entity, words, _ := strings.Cut(want, ": ")
				if got[i].EntityName != entity || !strings.Contains(got[i].ErrorMessage, words) {
					t.Errorf("%+v, want %s", got[i], want)
				}
			}
		})
	}
}

func TestAPackageThatIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	good := s.upload(zipped(t, nil, nil))
	var empty bytes.Buffer
	if err := zip.NewWriter(&empty).Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		address string
		more    map[string]any
		want    string
	}{
		"not a zip":            {s.upload("PK?"), nil, "not a valid zip"},
		"no manifest":          {s.upload(empty.String()), nil, "no valid Manifest.xml"},
		"not uploaded":         {s.storage + "/dmf/none?sig=x", nil, "could not be downloaded"},
		"another signature":    {strings.Split(good, "sig=")[0] + "sig=x", nil, "could not be downloaded"},
		"an address elsewhere": {"https://blob.example/x", nil, "could not be downloaded"},
		"no such legal entity": {good, map[string]any{"legalEntityId": "nope"}, "'nope' does not exist"},
		"no data project":      {good, map[string]any{"definitionGroupId": ""}, "no name"},
		"an unknown parameter": {good, map[string]any{"company": "usmf"}, "not valid for the action"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.importing(tt.address, name, tt.more); !strings.Contains(got, tt.want) {
				t.Errorf("%q", got)
			}
			if got := s.execution(name); got != "Unknown" {
				t.Errorf("there is an import: %s", got)
			}
		})
	}
	for name, tt := range map[string]struct {
		method, address string
		headers         []string
		status          int
	}{
		"no signature":    {"PUT", strings.Split(good, "?")[0], []string{"x-ms-blob-type: BlockBlob"}, http.StatusForbidden},
		"with a token":    {"PUT", good, []string{"x-ms-blob-type: BlockBlob", s.envToken("uat")}, http.StatusForbidden},
		"no type of blob": {"PUT", good, nil, http.StatusBadRequest},
		"to read it":      {"GET", good, nil, http.StatusMethodNotAllowed},
	} {
		if a := s.do(tt.method, tt.address, "x", tt.headers...); a.status != tt.status || a.header.Get("x-ms-error-code") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// A refresh replaces the database under an import, and a rollback brings it back.
func TestAnImportMeetsARefresh(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"replaced": false, "rolled back": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow(), PackageTime: 1e15})
			if fails {
				s.FailNextRefresh(true)
			}
			if refused := s.importing(s.upload(zipped(t, nil, nil)), "one", nil); refused != "" {
				t.Fatal(refused)
			}
			s.AdvancePackage("uat")
			s.refresh()
			for s.Advance("uat") {
				if !s.Snapshot("uat").Online && s.AdvancePackage("uat") {
					t.Error("it went on while the environment was down")
				}
			}
			if s.AdvancePackage("uat") != fails {
				t.Errorf("import is there: %v", !fails)
			}
			want := map[bool]string{false: "Unknown", true: "Succeeded"}[fails]
			if got := s.execution("one"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
