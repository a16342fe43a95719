package finops

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// signature is the secret part of the upload address; no error may hold it.
const signature = "sv=2014-02-14&sr=b&sig=PLANTEDsignature%2B%2F0123456789%3D"

const (
	writeURLAction = "POST /data/DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities.GetAzureWriteUrl"
	importAction   = "POST /data/DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities.ImportFromPackage"
	statusAction   = "POST /data/DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities.GetExecutionSummaryStatus"
	errorsAction   = "POST /data/DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities.GetExecutionErrors"
)

var golden = refresh.Package{Data: []byte("PK zip"), Name: "golden 1.zip", DefinitionGroup: "Golden", ExecutionID: "refresh-7", LegalEntity: "usmf", Overwrite: true}

// storage is a fake blob storage that notes what arrives.
func storage(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *[]string) {
	t.Helper()
	var seen []string
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.RequestURI+" "+r.Header.Get("x-ms-blob-type")+" "+r.Header.Get("Authorization")+string(body))
		answer(w, r)
	})
	return srv, &seen
}

func TestAPackageIsUploadedAndImported(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"an object in a string": `"{\"BlobId\":\"{1}\",\"BlobUrl\":\"BLOB\"}"`,
		"an object":             `{"BlobId":"{1}","BlobUrl":"BLOB"}`,
		"the address itself":    `"BLOB"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blobs, put := storage(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
			e := newEnv(t, map[string]answer{
				writeURLAction: {body: `{"value":` + strings.ReplaceAll(value, "BLOB", blobs.URL+"/dmf/1?"+signature) + `}`},
				importAction:   {body: `{"value":"refresh-7"}`},
			})
			wantError(t, e.client.ImportPackage(t.Context(), golden), "")
			if d := cmp.Diff([]string{"PUT /dmf/1?" + signature + " BlockBlob PK zip"}, *put); d != "" {
				t.Error(d)
			}
			want := []string{writeURLAction + ` {"uniqueFileName":"golden 1.zip"}`, importAction + ` {"definitionGroupId":"Golden","execute":true,"executionId":"refresh-7","legalEntityId":"usmf","overwrite":true,` +
				`"packageUrl":"` + blobs.URL + "/dmf/1?" + strings.ReplaceAll(signature, "&", `\u0026`) + `"}`}
			if d := cmp.Diff(want, e.requests()); d != "" {
				t.Error(d)
			}
		})
	}
}

// Whatever goes wrong: the upload address shows nowhere, and nothing is imported that was not uploaded.
func TestAPackageThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	status := func(s int, more ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i+1 < len(more); i += 2 {
				w.Header().Set(more[i], more[i+1])
			}
			w.WriteHeader(s)
			_, _ = io.WriteString(w, "<Error>https://"+r.Host+r.RequestURI+"</Error>")
		}
	}
	echo := `{"error":{"message":"x","innererror":{"message":"Cannot read BLOB nor ?` + signature + `"}}}`
	tests := map[string]struct {
		storage http.HandlerFunc
		value   string // BLOB when empty
		imports answer
		code    refresh.Code
		words   []string
		asked   bool // for the import
	}{
		"refused by the storage":    {storage: status(403, "x-ms-error-code", "AuthenticationFailed"), code: refresh.Refused, words: []string{"HTTP 403, AuthenticationFailed"}},
		"with a code that is none":  {storage: status(403, "x-ms-error-code", "sig="), code: refresh.Refused, words: []string{"HTTP 403."}},
		"storage is down":           {storage: status(503), code: refresh.Offline},
		"storage is busy":           {storage: status(503, "Retry-After", "3"), code: refresh.Throttled},
		"sent elsewhere":            {storage: status(307, "Location", "https://elsewhere.example/?"+signature), code: refresh.Refused},
		"connection broke":          {storage: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, code: refresh.Offline},
		"an address in the clear":   {value: `"http://blob.example/x?` + signature + `"`, code: refresh.Refused, words: []string{"safely"}},
		"an address with a user":    {value: `"https://u:p@blob.example/x?` + signature + `"`, code: refresh.Refused},
		"no address":                {value: `""`, code: refresh.Refused},
		"null":                      {value: `null`, code: refresh.Refused},
		"no address, but an object": {value: `{"BlobId":"1"}`, code: refresh.Refused},
		"import refused":            {imports: answer{status: 400, body: echo}, code: refresh.Refused, words: []string{"Cannot read *** nor"}, asked: true},
		"import's reply lost":       {imports: answer{status: 502}, code: refresh.Unknown, asked: true},
		"import's reply is none":    {imports: answer{body: `[`}, code: refresh.Unknown, asked: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.storage == nil {
				tt.storage = status(201)
			}
			if tt.value == "" {
				tt.value = `"BLOB"`
			}
			blobs, _ := storage(t, tt.storage)
			address := blobs.URL + "/dmf/1?" + signature
			tt.imports.body = strings.ReplaceAll(tt.imports.body, "BLOB", address)
			e := newEnv(t, map[string]answer{writeURLAction: {body: `{"value":` + strings.ReplaceAll(tt.value, "BLOB", address) + `}`}, importAction: tt.imports})
			err := e.client.ImportPackage(t.Context(), golden)
			wantError(t, err, tt.code, tt.words...)
			for text := err; text != nil; text = errors.Unwrap(text) {
				if strings.Contains(text.Error(), "sig=") || strings.Contains(text.Error(), "/dmf/1") {
					t.Errorf("the address shows in %q", text)
				}
			}
			if n := len(e.requests()); (n == 2) != tt.asked {
				t.Errorf("requests: %q", e.requests())
			}
		})
	}
	for _, p := range []refresh.Package{{}, {Name: "x", DefinitionGroup: "y"}, {Data: []byte("x"), Name: "x"}, {Data: []byte("x"), DefinitionGroup: "x"}, {Data: []byte("x"), Name: "x", DefinitionGroup: "x"}} {
		if err := newEnv(t, nil).client.ImportPackage(t.Context(), p); refresh.CodeOf(err) != refresh.Invalid {
			t.Error(err)
		}
	}
}

func TestHowAnImportWent(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{statusAction: {body: `{"value":"PartiallySucceeded"}`}})
	got, err := e.client.PackageStatus(t.Context(), "refresh-7")
	wantError(t, err, "")
	if got != refresh.PackagePartiallySucceeded || e.requests()[0] != statusAction+` {"executionId":"refresh-7"}` {
		t.Errorf("%q after %q", got, e.requests())
	}
	_, err = newEnv(t, map[string]answer{statusAction: {body: `{"value":null}`}}).client.PackageStatus(t.Context(), "refresh-7")
	wantError(t, err, refresh.Offline, "refresh-7")

	for value, want := range map[string][]string{
		`null`:       nil,
		`""`:         nil,
		`"[]"`:       nil,
		`[]`:         nil,
		`"No space"`: {"No space"},
		`"[{\"RecordId\":\"3\",\"Field\":\"Key\",\"ErrorMessage\":\"Bad value\"}]"`: {"3: Key: Bad value"},
		`["a",{"EntityName":"Customers","Message":"b","Other":1},{"Odd":true}]`:     {"a", "Customers: b", `{"Odd":true}`},
		`"We saw Bearer ` + secret + `"`:                                            {"We saw Bearer ***"},
		`"Line 1\n   at Microsoft.A.B(String c)"`:                                   {"Line 1"},
	} {
		e := newEnv(t, map[string]answer{errorsAction: {body: `{"value":` + value + `}`}})
		got, err := e.client.PackageErrors(t.Context(), "refresh-7")
		wantError(t, err, "")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", value, d)
		}
	}
}
