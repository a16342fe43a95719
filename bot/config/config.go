// Package config reads refreshbot.yml. It decodes strictly, checks every rule that can be checked without a
// network, and reports all problems at once, each with file, line and key. Secrets are references that are
// resolved here and print as ***.
//
// Paths in the file are relative to the folder of the file.
package config

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"refreshbot/bot/notice"
	"refreshbot/jobs/blackout"
	"refreshbot/jobs/refresh"
)

// Config is the whole file, checked and with its defaults filled in.
type Config struct {
	Slack        Slack
	Entra        Entra
	LCS          LCS
	FinOps       FinOps
	TLS          TLS
	Store        Store
	HTTP         HTTP
	TimeZone     *time.Location // default UTC
	Admins       []string       // Slack users; may be empty
	QuietHours   notice.Quiet   // when notices call nobody; default never
	Texts        notice.Texts   // what users are told, in every language: the standard texts with those of the file
	Blackouts    []blackout.Rule
	Reminders    refresh.Reminders // with time_zone and admins filled in
	Environments []Environment     // in the order of the file

	root    *yaml.Node // the file itself, for Show
	secrets []Secret
}

// Secrets returns everything that the file refers to as a secret, to be kept out of what is written.
func (c *Config) Secrets() []string {
	all := make([]string, len(c.secrets))
	for i, s := range c.secrets {
		all[i] = s.Reveal()
	}
	return all
}

// Slack is the app's two tokens and where it posts.
type Slack struct {
	BotToken Secret // xoxb-
	AppToken Secret // xapp-, for Socket Mode
	Channel  string // the default of Refresh.Channel
	APIURL   string // ends in a slash; default https://slack.com/api/

	Settle time.Duration // how long a post whose reply was lost may still appear, and with it how soon what Slack did not take is tried again (adr/0004); default 20s
	Pace   time.Duration // the least time in the long run between two changes of cards, two posts in a channel, two look-ups of an address; default 3s
}

// Entra is the directory that both Lifecycle Services and F&O trust.
type Entra struct {
	Tenant    string // GUID or domain
	Authority string // no trailing slash; default https://login.microsoftonline.com
}

// LCS is the Lifecycle Services project and the account that signs in to it.
type LCS struct {
	Project  int64
	ClientID string
	Username string
	Password Secret        // of an account without multi-factor authentication; not set: a person signs in
	TokenKey Secret        // encrypts what a person's sign-in leaves in the store; not set: the password signs in
	APIURL   string        // no trailing slash; default https://lcsapi.lcs.dynamics.com
	Poll     time.Duration // how often a running copy is asked about; default 1m
	Timeout  time.Duration // one request; default 30s
	Settle   time.Duration // how long a request whose reply was lost may still land; default 2m

	SignInLasts time.Duration // how often the tenant wants a person to sign in; default 0: as long as the sign-in is used
}

// FinOps is the one application that signs in to every environment. Exactly one of the three credentials is set.
type FinOps struct {
	ClientID       string
	ClientSecret   Secret
	Certificate    string        // path of a PEM file with a certificate and its private key
	FederatedToken string        // path; the platform rewrites the file, so it is read at each use and not here
	Poll           time.Duration // how often an environment that is down is asked; default 15s
	Timeout        time.Duration // one request; default 100s
	Settle         time.Duration // how long a write whose reply was lost may still land; default 30s
}

// TLS names certificate authorities to trust besides the system's own.
type TLS struct {
	extra []*x509.Certificate
}

// RootCAs returns the system's certificate authorities and those of ca_file, or nil without a ca_file: nil in a
// tls.Config means the system's.
func (t TLS) RootCAs() (*x509.CertPool, error) {
	if len(t.extra) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
	}
	for _, c := range t.extra {
		pool.AddCert(c)
	}
	return pool, nil
}

// Store says where the record is kept.
type Store struct {
	Path   string // default refreshbot.db beside the configuration file
	Backup *Backup
}

// Backup says where copies of the store are kept, how often one is taken, and how many there are.
type Backup struct {
	Dir   string
	Every time.Duration // default 1h
	Keep  int           // default 48
}

// HTTP is the listener for /healthz, /readyz and /metrics.
type HTTP struct {
	Addr string // host:port; default 127.0.0.1:9090
}

// Environment is a source, a target, or both.
type Environment struct {
	Name           string
	URL            string // scheme and host, lower case, no trailing slash
	LCSEnvironment string // the GUID as written, with or without dashes
	Production     bool
	Refresh        *Refresh // nil: never a target
}

// Environment finds an environment by name, in any case.
func (c *Config) Environment(name string) (*Environment, bool) {
	for i := range c.Environments {
		if strings.EqualFold(c.Environments[i].Name, name) {
			return &c.Environments[i], true
		}
	}
	return nil, false
}

// Targets returns the environments that can be refreshed, in the order of the file.
func (c *Config) Targets() []*Environment {
	var targets []*Environment
	for i := range c.Environments {
		if c.Environments[i].Refresh != nil {
			targets = append(targets, &c.Environments[i])
		}
	}
	return targets
}

// Load reads and checks the file at path. The error is a Problems.
func Load(path string) (*Config, error) {
	cfg, _, err := load(path)
	return cfg, err
}

func unreadable(path string, err error) error {
	return Problems{{File: path, Text: fmt.Sprintf("cannot be read (%v): check the path given with --config", cause(err))}}
}

// Parse checks data as the content of file. Environment variables and other files are read through env and
// readFile only; canRead says what keeps a file from being read later. The error is a Problems.
func Parse(file string, data []byte, env func(string) (string, bool), readFile func(string) ([]byte, error), canRead func(string) error) (*Config, error) {
	d := &decoder{file: file, env: env, readFile: readFile, canRead: canRead}
	cfg := &Config{
		Slack:    Slack{APIURL: "https://slack.com/api/", Settle: 20 * time.Second, Pace: 3 * time.Second},
		Entra:    Entra{Authority: "https://login.microsoftonline.com"},
		LCS:      LCS{APIURL: "https://lcsapi.lcs.dynamics.com", Poll: time.Minute, Timeout: 30 * time.Second, Settle: 2 * time.Minute},
		FinOps:   FinOps{Poll: 15 * time.Second, Timeout: 100 * time.Second, Settle: 30 * time.Second},
		Store:    Store{Path: d.beside("refreshbot.db")},
		HTTP:     HTTP{Addr: "127.0.0.1:9090"},
		TimeZone: time.UTC, Reminders: reminders(),
		Texts: notice.Standard(),
	}
	if root, ok := d.document(data); ok {
		cfg.root = root.node
		d.config(cfg)(root)
		cfg.secrets = d.secrets
		d.languages(root, cfg)
	}
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	cfg.QuietHours.Zone = cfg.TimeZone
	for _, t := range cfg.Targets() {
		if t.Refresh.Channel == "" {
			t.Refresh.Channel = cfg.Slack.Channel
		}
	}
	cfg.Reminders.Hours.Zone, cfg.Reminders.Admins = cmp.Or(cfg.Reminders.Hours.Zone, cfg.TimeZone.String()), cfg.Admins
	return cfg, nil
}
