package cloudsim

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// storageHost is the blob storage's name in the call log and for faults.
const storageHost = "storage"

// DataProject is a row of DataManagementDefinitionGroups.
type DataProject struct {
	Name        string `odata:"Name,key"`
	Description string `odata:"Description"`
}

// PackageImport is one import of a data package: what Data management shows in its job history.
type PackageImport struct {
	ExecutionID string
	DataProject string
	LegalEntity string
	Status      string // NotRun, Executing, Succeeded, PartiallySucceeded or Failed
	Rows        int    // rows written
	By          string // user id
	At          time.Time
}

// PackageError is what went wrong with one entity or row of an import.
type PackageError struct{ ExecutionID, Entity, Message string }

// blob is a file in the storage. Whoever has the signature may write it.
type blob struct {
	signature string
	data      []byte // nil until it was uploaded
}

// packageRun is an import on its way. Cloud.mu guards it.
type packageRun struct {
	id           string
	company      string
	starts, ends time.Time
	files        []packageFile
}

// serveStorage takes uploads as Azure Storage does: the address is the permission. Cloud.mu is held.
//
// Source: the page "Put Blob" of the Azure Storage REST API.
func (c *Cloud) serveStorage(r *request) reply {
	fail := func(status int, code string) reply {
		return newReply(status, "application/xml", []byte(`<?xml version="1.0" encoding="utf-8"?><Error><Code>`+code+`</Code></Error>`)).
			with("x-ms-error-code", code)
	}
	b := c.blobs[r.url.Path]
	switch {
	case r.header.Get("Authorization") != "":
		return fail(http.StatusForbidden, "AuthenticationFailed") // a token for something else than the storage
	case b == nil || r.url.Query().Get("sig") != b.signature:
		return fail(http.StatusForbidden, "AuthenticationFailed")
	case r.method != http.MethodPut:
		return fail(http.StatusMethodNotAllowed, "UnsupportedHttpVerb")
	case r.header.Get("x-ms-blob-type") != "BlockBlob":
		return fail(http.StatusBadRequest, "MissingRequiredHeader")
	}
	b.data = bytes.Clone(r.body)
	return newReply(http.StatusCreated, "", nil)
}

// packageAction runs an action of the data projects. Source: the page "Data management package REST API".
func (q *odataRequest) packageAction(name string) reply {
	if q.method != http.MethodPost {
		return odataError(http.StatusMethodNotAllowed, "The requested resource does not support http method '"+q.method+"'.", "", "")
	}
	actions := map[string]func(*odataRequest) (any, error){
		"GetAzureWriteUrl": (*odataRequest).azureWriteURL, "ImportFromPackage": (*odataRequest).importFromPackage,
		"GetExecutionSummaryStatus": (*odataRequest).executionStatus, "GetExecutionErrors": (*odataRequest).executionErrors,
	}
	run, ok := actions[name]
	if !ok {
		return odataError(http.StatusNotFound, "Resource not found for the segment '"+enumPrefix+name+"'.", "", "")
	}
	value, err := run(q)
	if err != nil {
		return odataFailure(http.StatusBadRequest, err.Error())
	}
	return jsonReply(http.StatusOK, map[string]any{"@odata.context": q.env.url + "/data/$metadata#Edm.String", "value": value})
}

// parameters decodes the body of an action; each has to be named as it is declared.
func (q *odataRequest) parameters(v any) error {
	dec := json.NewDecoder(bytes.NewReader(q.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return said("The parameters in the request payload are not valid for the action.")
	}
	return nil
}

func (q *odataRequest) azureWriteURL() (any, error) {
	var in struct {
		UniqueFileName string `json:"uniqueFileName"`
	}
	if err := q.parameters(&in); err != nil {
		return nil, err
	}
	if in.UniqueFileName == "" || strings.ContainsAny(in.UniqueFileName, "/\\?#%") {
		return nil, said("The file name '%s' is not valid.", in.UniqueFileName)
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails, says crypto/rand
	id := newGUID()
	b := &blob{signature: base64.StdEncoding.EncodeToString(key[:])}
	path := "/dmf/" + id + "-" + in.UniqueFileName
	q.c.blobs[path] = b
	address := q.c.storage + (&url.URL{Path: path}).EscapedPath() + "?" +
		url.Values{"sv": {"2014-02-14"}, "sr": {"b"}, "sp": {"rw"}, "se": {q.now.Add(35 * time.Minute).UTC().Format(time.RFC3339)}, "sig": {b.signature}}.Encode()
	text, _ := json.Marshal(map[string]string{"BlobId": "{" + id + "}", "BlobUrl": address})
	return string(text), nil
}

func (q *odataRequest) importFromPackage() (any, error) {
	var in struct {
		PackageURL        string `json:"packageUrl"`
		DefinitionGroupID string `json:"definitionGroupId"`
		ExecutionID       string `json:"executionId"`
		Execute           bool   `json:"execute"`
		Overwrite         bool   `json:"overwrite"`
		LegalEntityID     string `json:"legalEntityId"`
	}
	if err := q.parameters(&in); err != nil {
		return nil, err
	}
	db := &q.env.db
	if in.DefinitionGroupID == "" {
		return nil, said("The data project has no name.")
	}
	if !slices.ContainsFunc(db.Companies, func(c Company) bool { return strings.EqualFold(c.ID, in.LegalEntityID) }) {
		return nil, said("The legal entity '%s' does not exist.", in.LegalEntityID)
	}
	if len(q.env.imports) > 0 {
		return nil, said("Another data package is being imported. Try again when it is done.")
	}
	if slices.ContainsFunc(db.Packages, func(p PackageImport) bool { return strings.EqualFold(p.ExecutionID, in.ExecutionID) }) {
		return nil, said("The execution '%s' already exists.", in.ExecutionID)
	}
	var data []byte
	if u, err := url.Parse(in.PackageURL); err == nil && strings.HasPrefix(in.PackageURL, q.c.storage+"/") && q.c.blobs[u.Path] != nil && u.Query().Get("sig") == q.c.blobs[u.Path].signature {
		data = q.c.blobs[u.Path].data
	}
	if data == nil {
		return nil, said("The package could not be downloaded from the storage.")
	}
	manifest, files, err := readPackage(data)
	if err != nil {
		return nil, err
	}
	if in.ExecutionID == "" {
		in.ExecutionID = in.DefinitionGroupID + "-" + newGUID()
	}
	project := DataProject{Name: in.DefinitionGroupID, Description: manifest.Description}
	i := slices.IndexFunc(db.DataProjects, func(p DataProject) bool { return strings.EqualFold(p.Name, project.Name) })
	switch {
	case i < 0:
		db.DataProjects = append(db.DataProjects, project)
	case in.Overwrite:
		db.DataProjects[i] = project
	}
	db.Packages = append(db.Packages, PackageImport{
		ExecutionID: in.ExecutionID, DataProject: in.DefinitionGroupID, LegalEntity: in.LegalEntityID, Status: "NotRun", By: q.who.user.ID, At: q.now,
	})
	if in.Execute {
		starts := q.now.Add(q.c.scaled(q.c.opts.PackageTime / 4)) // the batch server picks it up
		run := &packageRun{id: in.ExecutionID, company: in.LegalEntityID, starts: starts, ends: q.now.Add(q.c.scaled(q.c.opts.PackageTime)), files: files}
		q.env.imports = append(q.env.imports, run)
		q.c.wakeAt(run.starts)
		q.c.wakeAt(run.ends)
	}
	return in.ExecutionID, nil
}

// wakeAt lets the world move on at that time although nobody asks. Cloud.mu is held.
func (c *Cloud) wakeAt(at time.Time) {
	c.after(time.Until(at), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.advance(time.Now())
	})
}

func (q *odataRequest) executionStatus() (any, error) {
	p, err := q.execution()
	if err != nil || p == nil {
		return "Unknown", err
	}
	return p.Status, nil
}

// executionErrors answers a list of errors as text.
func (q *odataRequest) executionErrors() (any, error) {
	p, err := q.execution()
	if err != nil {
		return nil, err
	}
	list := []map[string]string{}
	for _, e := range q.env.db.PackageErrors {
		if p != nil && e.ExecutionID == p.ExecutionID {
			list = append(list, map[string]string{"EntityName": e.Entity, "ErrorMessage": e.Message})
		}
	}
	text, _ := json.Marshal(list)
	return string(text), nil
}

func (q *odataRequest) execution() (*PackageImport, error) {
	var in struct {
		ExecutionID string `json:"executionId"`
	}
	if err := q.parameters(&in); err != nil {
		return nil, err
	}
	return q.env.execution(in.ExecutionID), nil
}

func (e *environment) execution(id string) *PackageImport {
	for i := range e.db.Packages {
		if strings.EqualFold(e.db.Packages[i].ExecutionID, id) {
			return &e.db.Packages[i]
		}
	}
	return nil
}

// seedPackages gives the environment an import of long ago.
func (e *environment) seedPackages(now time.Time) {
	const id = "Golden configuration-1"
	e.db.DataProjects = []DataProject{{"Golden configuration", "Configuration at go-live"}}
	e.db.Packages = []PackageImport{{
		ExecutionID: id, DataProject: "Golden configuration", LegalEntity: "usmf", Status: "PartiallySucceeded", Rows: 3, By: "Admin",
		At: now.AddDate(-1, 0, 0).Truncate(time.Second),
	}}
	e.db.PackageErrors = []PackageError{{id, "SysAADClientTableEntity", "record 2: Client Id 'tbd' is not a valid GUID."}}
}

// runImports lets imports begin and end whose time has come. One whose database was replaced in the meantime is gone.
// Cloud.mu is held.
func (c *Cloud) runImports(e *environment, now time.Time) {
	if e.down != up {
		return // no batch server runs
	}
	e.imports = slices.DeleteFunc(e.imports, func(run *packageRun) bool {
		p := e.execution(run.id)
		switch {
		case p == nil:
			return true
		case p.Status == "NotRun" && !now.Before(run.starts):
			p.Status = "Executing"
			c.notify()
		}
		if now.Before(run.ends) {
			return false
		}
		c.importFiles(e, p, run)
		c.notify()
		return true
	})
}
