package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/recur"
	"refreshbot/jobs/wire"
)

const guidPattern = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`

// Slack's ids are documented as a letter for the kind, then upper-case letters and digits (Slack: "Reference:
// object types").
var (
	guid         = regexp.MustCompile(`^` + guidPattern + `$`)
	looseGUID    = regexp.MustCompile(`^(` + guidPattern + `|[0-9a-fA-F]{32})$`)
	tenant       = regexp.MustCompile(`^(` + guidPattern + `|([0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?\.)+[A-Za-z]{2,})$`)
	channelID    = regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`)
	userID       = regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)
	groupID      = regexp.MustCompile(`^S[A-Z0-9]{2,}$`)
	personID     = regexp.MustCompile(`^[UWS][A-Z0-9]{2,}$`)
	envName      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)
	variable     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	loudVariable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	identifier   = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	servicePath  = regexp.MustCompile(`^\w+/\w+/\w+$`)
	userList     = regexp.MustCompile(`(?i)\.(csv|xlsx)$`)
	zipFile      = regexp.MustCompile(`(?i)\.zip$`)
	headerName   = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110, section 5.6.2
	headerValue  = regexp.MustCompile(`^[^\x00-\x08\x0a-\x1f\x7f]*$`)
	ownHeader    = regexp.MustCompile(`(?i)^(host|content-length|transfer-encoding|connection)$`) // the connection's, not ours to write
	secretHeader = regexp.MustCompile(`(?i)authorization|cookie|secret|password|token|api-?key|functions-key|subscription-key`)
	secretQuery  = regexp.MustCompile(`(?i)^(sig|signature|code|key)$|secret|password|token|api[-_]?key|subscription-key`)
)

func (d *decoder) guid(out *string) reader {
	return d.matching(out, guid, "must be a GUID, such as 0a0a0a0a-1111-4222-8333-444455556666")
}

func (d *decoder) channel(out *string) reader {
	return d.matching(out, channelID, "must be the id of a Slack channel, C… or G… (in Slack: channel name, About, at the bottom)")
}

func (d *decoder) user(out *string) reader {
	return d.matching(out, userID, "must be the id of a Slack user, U… or W… (in Slack: profile, the three dots, Copy member ID)")
}

func (d *decoder) group(out *string) reader {
	return d.matching(out, groupID, "must be the id of a Slack user group, S…")
}

func (d *decoder) entity(out *string) reader {
	return d.matching(out, identifier, "must be the name of an entity set, such as DocumentParameters")
}

func (d *decoder) person(out *string) reader {
	return d.matching(out, personID, "must be the id of a Slack user, U… or W…, or of a user group, S…")
}

// duration reads a duration above zero, or of zero where that means something.
func (d *decoder) duration(out *time.Duration, zero bool) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		n, err := time.ParseDuration(s)
		switch {
		case err != nil:
			d.fail(v, "must be a duration such as 90s, 30m or 24h, not %s; days are written in hours", show(s))
		case n < 0:
			d.fail(v, "must not be negative: write a duration such as 30m")
		case n == 0 && !zero:
			d.fail(v, "must be more than zero: write a duration such as 30m")
		default:
			*out = n
		}
	}
}

// web reads an address of the web: https, or http on this machine.
func (d *decoder) web(v value) (*url.URL, bool) {
	var s string
	if d.text(&s)(v); s == "" {
		return nil, false
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		d.fail(v, "must be an address such as https://contoso.operations.dynamics.com")
	case u.User != nil:
		d.fail(v, "must not hold a user name or password: remove what stands before the @")
	case u.Scheme != "https" && (u.Scheme != "http" || !wire.Loopback(u.Hostname())):
		d.fail(v, "must start with https://; plain http is for servers on this machine only")
	default:
		return u, true
	}
	return nil, false
}

// base reads the address of a service. The result has no trailing slash.
func (d *decoder) base(out *string, withPath bool) reader {
	return func(v value) {
		u, ok := d.web(v)
		if !ok {
			return
		}
		path := strings.TrimRight(u.EscapedPath(), "/")
		switch {
		case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
			d.fail(v, "must be an address without a query: remove everything from the ? or #")
		case path != "" && !withPath:
			d.fail(v, "must end after the host name: remove the path")
		default:
			*out = u.Scheme + "://" + strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(u.Host, ":443"), ":")) + path
		}
	}
}

// link reads an address to call as it is written. It ends up in the record of a refresh, where no secret may stand.
func (d *decoder) link(out *string) reader {
	return func(v value) {
		u, ok := d.web(v)
		if !ok {
			return
		}
		query, err := url.ParseQuery(u.RawQuery)
		switch {
		case u.Fragment != "":
			d.fail(v, "must not have a fragment: remove everything from the #")
		case err != nil:
			d.fail(v, "has a query that cannot be read: write it as name=value&name=value")
		case slices.ContainsFunc(slices.Collect(maps.Keys(query)), secretQuery.MatchString):
			d.fail(v, "has a key or signature in its query: what is secret never stands in this file itself; send it as a header with {env: NAME}")
		default:
			*out = u.String()
		}
	}
}

func (d *decoder) address(out *string) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		_, port, err := net.SplitHostPort(s)
		if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > math.MaxUint16 {
			d.fail(v, "must be host:port, such as 127.0.0.1:9090, not %s", show(s))
			return
		}
		*out = s
	}
}

func (d *decoder) zone(out **time.Location) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		loc, err := time.LoadLocation(s)
		if err != nil || s == "Local" { // Local would mean something else on every machine
			d.fail(v, "must be a time zone of the IANA database, such as Europe/Copenhagen, not %s", show(s))
			return
		}
		*out = loc
	}
}

// cron reads a schedule of five fields or a word such as @weekly. It keeps the text: what uses it reads it again
// with the zone.
func (d *decoder) cron(out *string) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		switch _, err := recur.Parse(s, time.UTC); {
		case errors.Is(err, recur.ErrZone):
			d.fail(v, "must not name a time zone: schedules follow time_zone")
		case errors.Is(err, recur.ErrInterval):
			d.fail(v, "must name times of day, not an interval: an interval would start over with every restart")
		case errors.Is(err, recur.ErrNever):
			d.fail(v, "never comes round: there is no such day as in %s", show(s))
		case err != nil:
			d.fail(v, "must be a cron expression, minute hour day month weekday with Sunday as 0, such as 0 20 * * FRI, not %s", show(s))
		default:
			*out = s
		}
	}
}

func (d *decoder) path(out *string) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s != "" {
			*out = d.beside(s)
		}
	}
}

// existing reads the path of a file that a refresh will read. That it can be read is seen to here; what is in it
// belongs to the refresh, so that a new list or package is no new configuration.
func (d *decoder) existing(out *string, shape *regexp.Regexp, sentence string) reader {
	return func(v value) {
		var s string
		if d.matching(&s, shape, sentence)(v); s == "" {
			return
		}
		path := d.absolute(s)
		if err := d.canRead(path); err != nil {
			d.unreadable(v, err)
			return
		}
		*out = path
	}
}

// caFile reads a PEM file of certificates to trust.
func (d *decoder) caFile(out *TLS) reader {
	return func(v value) {
		var path string
		if d.path(&path)(v); path == "" {
			return
		}
		data, err := d.readFile(path)
		if err != nil {
			d.fail(v, "cannot be read (%v): check the path, which is relative to the folder of this file", cause(err))
			return
		}
		var certs []*x509.Certificate
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if block.Type != "CERTIFICATE" || err != nil {
				d.fail(v, "must hold certificates in PEM form and nothing else: block %d is not one", len(certs)+1)
				return
			}
			certs = append(certs, cert)
		}
		if len(certs) == 0 {
			d.fail(v, "holds no certificate in PEM form: it must have -----BEGIN CERTIFICATE----- in it")
			return
		}
		*out = TLS{extra: certs}
	}
}

// reference reads {env: NAME} or {file: PATH}. What is wrong with it is never repeated: it may be the secret.
func (d *decoder) reference(v value, kinds ...string) (kind, name string, ok bool) {
	var forms []string
	for _, k := range kinds {
		forms = append(forms, map[string]string{"env": "{env: NAME}", "file": "{file: PATH}"}[k])
	}
	form := strings.Join(forms, " or ")
	if is(v.node, "!!str", "!!int", "!!float") {
		d.fail(v, "must be a reference, %s: what is secret never stands in this file itself", form)
		return "", "", false
	}
	if n := v.node.Content; is(v.node, "!!map") && len(n) == 2 && is(resolve(n[1]), "!!str") {
		for _, k := range kinds {
			if resolve(n[0]).Value == k && resolve(n[1]).Value != "" {
				return k, resolve(n[1]).Value, true
			}
		}
	}
	d.fail(v, "must be exactly %s", form)
	return "", "", false
}

// secret resolves a reference. A prefix is what Slack gives its tokens to tell them apart.
func (d *decoder) secret(out *Secret, prefix string) reader {
	return func(v value) {
		kind, name, ok := d.reference(v, "env", "file")
		if !ok {
			return
		}
		var s string
		if kind == "env" {
			s, ok = d.variable(v, name)
		} else {
			name = d.absolute(name)
			var data []byte
			data, ok = d.content(v, name)
			s = string(data)
		}
		if s = trimmed(s); !ok {
			return
		}
		switch {
		case strings.TrimSpace(s) == "":
			d.fail(v, "is empty where the reference leads: put the secret there")
		case !strings.HasPrefix(s, prefix):
			d.fail(v, "leads to something that does not start with %s: check that the tokens are not exchanged", prefix)
		default:
			*out = Secret{value: &s, ref: kind + ":" + name}
			d.secrets = append(d.secrets, *out)
		}
	}
}

func (d *decoder) variable(v value, name string) (string, bool) {
	if !variable.MatchString(name) {
		d.fail(v, "must name an environment variable: letters, digits and underscores only")
		return "", false
	}
	s, ok := d.env(name)
	if !ok {
		if !loudVariable.MatchString(name) { // it might be the secret itself
			name = "named here"
		}
		d.fail(v, "the environment variable %s is not set: set it before starting", name)
	}
	return s, ok
}

func (d *decoder) content(v value, path string) ([]byte, bool) {
	data, err := d.readFile(path)
	if err != nil {
		d.unreadable(v, err)
	}
	return data, err == nil
}

func (d *decoder) unreadable(v value, err error) {
	d.fail(v, "the file named here cannot be read (%v): a relative path starts at the folder of this file", cause(err))
}

// certificate checks a {file: PATH} that must hold what MSAL can sign in with, and keeps its path. MSAL for Go
// takes a certificate and an unencrypted private key.
func (d *decoder) certificate(out *string) reader {
	return func(v value) {
		_, name, ok := d.reference(v, "file")
		if !ok {
			return
		}
		path := d.beside(name)
		rest, ok := d.content(v, path)
		if !ok {
			return
		}
		var cert, key bool
		for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
			cert = cert || block.Type == "CERTIFICATE"
			key = key || block.Type == "PRIVATE KEY" || block.Type == "RSA PRIVATE KEY" && block.Headers["DEK-Info"] == ""
		}
		if !cert || !key {
			d.fail(v, "must lead to a PEM file with a certificate and its private key, the key without a passphrase")
			return
		}
		*out = path
	}
}

// federatedToken keeps the path of a {file: PATH} unread: the platform may write it later, and renews it.
func (d *decoder) federatedToken(out *string) reader {
	return func(v value) {
		if _, name, ok := d.reference(v, "file"); ok {
			*out = d.beside(name)
		}
	}
}
