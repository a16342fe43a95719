package config

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// The kinds of item, each with its keys.

func (d itemDecoder) batchGroups(v value) {
	var p phases.BatchGroupsParams
	first := map[string]int{}
	for _, i := range d.items(v) {
		var g phases.BatchGroup
		named := false
		d.decoder.object(i,
			must("group", `the batch group's id, "" for the default group`, func(v value) { g.Group, named = d.scalar(v) }),
			may("description", d.text(&g.Description)),
			may("servers", list(d.decoder, &g.Servers, d.text)),
		)
		if at := first[g.Group]; named && at > 0 {
			d.fail(i, "group %s is here twice, first on line %d: put its servers into one", show(g.Group), at)
		} else if named {
			first[g.Group] = i.line
			p.Groups = append(p.Groups, g)
		}
	}
	d.item.Params = p
}

func (d itemDecoder) email(v value) {
	p := phases.EmailParams{EmailParameters: refresh.EmailParameters{RequireSSL: true}}
	var password Secret
	d.object(v,
		must("server", "the host name of the SMTP server", d.text(&p.Server)),
		must("port", "the port of the SMTP server, such as 587", whole(d.decoder, &p.Port, 1, math.MaxUint16)),
		may("user", d.text(&p.User)),
		may("require_ssl", d.flag(&p.RequireSSL)),
		may("password", d.secret(&password, "")),
	)
	_, user := at(v, "user")
	if c, ok := at(v, "password"); ok && !user {
		d.fail(c, "is the password of a user: add user, or remove it")
	}
	p.Secret = password.Ref()
	d.item.Params = p
}

func (d itemDecoder) batchJobs(v value) {
	var p phases.BatchJobsParams
	d.object(v, must("to_waiting", "the descriptions of the batch jobs to release", list(d.decoder, &p.ToWaiting, d.text)))
	d.item.Params = p
}

func (d itemDecoder) entityStore(v value) {
	var p phases.EntityStoreParams
	d.object(v, must("entities", "the aggregate measurements to refresh, such as [CustTransactions]", list(d.decoder, &p.Entities, d.text)))
	d.item.Params = p
}

func (d itemDecoder) systemParameters(v value) {
	var p phases.SystemParams
	d.object(v, must("help_library", "the Help library of Lifecycle Services to use", d.text(&p.HelpLibrary)))
	d.item.Params = p
}

func (d itemDecoder) encryptedField(v value) {
	var p phases.EncryptedParams
	var content Secret
	d.object(v,
		must("table", "the table of the field, such as ExchangeRateProviderConfigurationDetails", d.text(&p.Table)),
		must("field", "the field, such as Value", d.text(&p.Field)),
		may("rec_id", whole(d.decoder, &p.RecID, 1, math.MaxInt64)),
		must("value", "the value"+aSecret, d.secret(&content, "")),
	)
	p.Secret = content.Ref()
	d.item.Params = p
}

func (d itemDecoder) service(v value) {
	var p phases.ServiceParams
	var body map[string]any
	expect := may("expect", func(v value) { p.Expect = d.json(v) })
	expect.null = true
	d.object(v,
		must("path", "the path of the operation, Group/Service/Operation", d.matching(&p.Path, servicePath,
			"must be Group/Service/Operation, such as ContosoRefresh/PostRefresh/refreshEntityStore")),
		may("body", d.parameters(&body)),
		expect,
		may("timeout", d.duration(&p.Timeout, false)),
	)
	if body != nil { // a nil map in an interface would be sent as null
		p.Body = body
	}
	d.item.Params = p
}

func (d itemDecoder) odata(v value) {
	var p phases.ODataParams
	key, set := d.record(&p.Record, ", or rows for several records")
	_, many := at(v, "rows")
	if many {
		instead := func(v value) { d.fail(v, "cannot stand beside rows: write it into a row, or remove rows") }
		key, set = may("key", instead), may("set", instead)
	}
	d.object(v,
		must("entity", "the entity set to write to, such as DocumentParameters", d.entity(&p.Entity)),
		key, set,
		may("rows", d.rows(&p.Rows)),
		may("insert", d.flag(&p.Insert)),
	)
	if !many {
		d.notEmpty(v, "key", "set")
	}
	for i := range p.Rows {
		p.Rows[i].Entity = p.Entity
	}
	d.item.Params = p
}

// record are the keys that name a record and its new values.
func (d *decoder) record(out *refresh.Record, or string) (key, set field) {
	return must("key", "all key fields of the record, such as {dataAreaId: usmf, Key: 0}"+or, d.fields(&out.Key, "the value is part of a key")),
		must("set", "the fields to change", d.parameters(&out.Set))
}

// maxRows is what one item may write. More is a job for a data package.
const maxRows = 10_000

// rows reads records of one entity, each once.
func (d *decoder) rows(out *[]refresh.Record) reader {
	return func(v value) {
		if n := len(v.node.Content); is(v.node, "!!seq") && n > maxRows {
			d.fail(v, "are %d records, more than %d: import them with a package", n, maxRows)
			return
		}
		first := map[string]int{}
		for _, i := range d.items(v) {
			var rec refresh.Record
			key, set := d.record(&rec, "")
			d.object(i, key, set)
			d.notEmpty(i, "key", "set")
			name := strings.ToLower(fmt.Sprintf("%#v", rec.Key)) // its fields come sorted; F&O does not tell upper from lower case
			if at := first[name]; at > 0 && len(rec.Key) > 0 {
				d.fail(i, "has the key of another row, on line %d: put their fields into one", at)
				continue
			}
			first[name] = i.line
			*out = append(*out, rec)
		}
	}
}

func (d itemDecoder) dataPackage(v value) {
	p := phases.PackageParams{Overwrite: true}
	d.object(v,
		must("file", "the data package, a .zip file", d.existing(&p.File, zipFile, "must be a .zip file")),
		must("definition_group", "the name of the data project to import into", d.text(&p.DefinitionGroup)),
		must("legal_entity", "the legal entity to import into, such as usmf", d.text(&p.LegalEntity)),
		may("overwrite", d.flag(&p.Overwrite)),
		may("timeout", d.duration(&p.Timeout, false)),
	)
	d.item.Params = p
}

func (d itemDecoder) outsideSystem(v value) {
	p := phases.HTTPParams{Method: "POST"}
	d.object(v,
		must("url", "the address to call", d.link(&p.URL)),
		may("method", choice(d.decoder, &p.Method, "GET", "POST", "PUT", "PATCH", "DELETE")),
		may("headers", d.headers(&p)),
		may("body", func(v value) { p.Body = d.parameter(v) }),
		may("expect", d.statusCodes(&p.Expect)),
	)
	d.item.Params = p
}

// headers reads text and references to secrets. A header that is there to hold a secret has to be a reference.
func (d itemDecoder) headers(out *phases.HTTPParams) reader {
	return func(v value) {
		first := map[string]int{}
		for _, e := range d.entries(v) {
			name := strings.ToLower(e.key)
			switch at := first[name]; {
			case !headerName.MatchString(e.key):
				d.fail(e.value, "must be the name of a header, such as X-Environment")
				continue
			case ownHeader.MatchString(e.key):
				d.fail(e.value, "is written by the connection itself: remove it")
				continue
			case at > 0:
				d.fail(e.value, "is written twice, first on line %d: headers do not tell upper from lower case", at)
				continue
			}
			first[name] = e.line
			var text string
			var secret Secret
			if is(e.node, "!!map") || secretHeader.MatchString(e.key) {
				d.secret(&secret, "")(e.value)
			} else {
				d.text(&text)(e.value)
			}
			switch {
			case !headerValue.MatchString(text): // not shown: people do paste tokens here
				d.fail(e.value, "must be one line of text without control characters")
			case secret.IsSet():
				out.Secrets = with(out.Secrets, e.key, secret.Ref())
			case text != "":
				out.Headers = with(out.Headers, e.key, text)
			}
		}
	}
}

func with(m map[string]string, key, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = v
	return m
}

func (d itemDecoder) statusCodes(out *[]int) reader {
	return func(v value) {
		for _, i := range d.items(v) {
			var code int
			if whole(d.decoder, &code, 100, 599)(i); code > 0 {
				*out = append(*out, code)
			}
		}
	}
}

func (d itemDecoder) manual(v value) {
	var p phases.ManualParams
	d.object(v, must("text", "what the person is to do", d.text(&p.Text)))
	d.item.Params = p
}

// json reads any value as JSON.
func (d itemDecoder) json(v value) json.RawMessage {
	before := len(d.problems)
	data, err := json.Marshal(d.parameter(v))
	if len(d.problems) > before {
		return nil
	}
	if err != nil {
		d.fail(v, "cannot be written as JSON: write it with plain values")
		return nil
	}
	return data
}
