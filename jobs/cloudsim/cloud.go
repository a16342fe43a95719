package cloudsim

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options shapes a simulated cloud. The zero value is a usable one.
type Options struct {
	Addr          string        // IP address or host name to listen on; 127.0.0.1 when empty. Ports are always chosen
	Speed         float64       // 1 is real time and the default; Timeline, quota and rate limit windows are divided by it
	Timeline      Timeline      // the zero value stands for the defaults
	TokenLifetime time.Duration // one hour when zero; not divided by Speed
	NoRateLimits  bool          // switches off the 429 answers of LCS, not the quota of three starts
	PackageTime   time.Duration // how long the import of a data package runs; 2 minutes when zero, divided by Speed
	Companion     bool          // the refreshbot companion service is installed in all environments
	Service       ServiceModel  // how fast F&O serves and when it suffers; the zero value answers at once
	Logger        *slog.Logger  // one line per request, at debug level; nothing when nil

	Tenant      string // directory (tenant) id
	LCSClientID string // public client that signs in LCSUser
	LCSUser     string // sign-in name; a project owner
	LCSPassword string
	AppID       string // confidential client for F&O, registered in every environment
	AppSecret   string

	ProjectID     int // LCS project
	LCSPageSize   int // rows in a page of environments or history; 5 when zero
	ODataPageSize int // rows in a page of an entity set; 25 when zero. The real one is 10,000

	Environments []EnvironmentSpec // "prod" (Production) and "uat" (Sandbox) when empty
}

// EnvironmentSpec says which environment to create. Empty fields get defaults, Name and Type do not.
type EnvironmentSpec struct {
	Name           string
	LCSID          string
	Type           string // Production or Sandbox
	Release        string // application release; 10.0.43
	Infrastructure string // SelfService
}

// Timeline is how long a refresh stays in each part. A failing one stops half way through Sync.
type Timeline struct {
	NotStarted time.Duration // accepted, nothing done; 2 minutes
	Copy       time.Duration // the backup travels, the target is still online; 40 minutes
	Sync       time.Duration // the target is offline; 20 minutes
	Tail       time.Duration // completed in LCS, but the application servers still restart; 1 minute
}

// Cloud is a running simulated cloud. All methods may be called from several goroutines.
type Cloud struct {
	opts      Options
	ca        *authority
	client    *http.Client
	sets      []*entitySet
	hosts     []*host
	entraURL  string
	lcsURL    string
	storage   string // URL of the blob storage
	done      chan struct{}
	pending   sync.WaitGroup // timers that may still fire
	closeOnce sync.Once
	closeErr  error

	mu        sync.Mutex
	changed   chan struct{}
	closed    bool
	timers    map[*time.Timer]struct{}
	envs      []*environment
	directory directory
	roles     map[string]string // LCS project role by sign-in name
	rates     map[string][]time.Time
	faults    []*fault
	calls     []Call
	switches  switches
	blobs     map[string]*blob // by path
}

// Start builds the world and serves it. Close stops it.
func Start(o Options) (*Cloud, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	ca, err := newAuthority(o.Addr)
	if err != nil {
		return nil, err
	}
	c := &Cloud{
		opts: o, ca: ca, sets: entitySets(),
		client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: ca.pool, MinVersion: tls.VersionTLS12},
		}},
		done:     make(chan struct{}),
		changed:  make(chan struct{}),
		timers:   map[*time.Timer]struct{}{},
		roles:    map[string]string{strings.ToLower(o.LCSUser): "Project owner"},
		rates:    map[string][]time.Time{},
		switches: defaultSwitches(),
		blobs:    map[string]*blob{},
	}
	c.directory = newDirectory(o)

	// Hosts listen before they serve: every handler needs every URL.
	if c.entraURL, err = c.listen("entra", c.serveEntra, nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if c.lcsURL, err = c.listen("lcs", c.serveLCS, nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if c.storage, err = c.listen(storageHost, c.serveStorage, nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.directory.addResource(lcsResource(c.lcsURL))
	now := time.Now()
	for i, spec := range o.Environments {
		env := newEnvironment(spec, o, i, now)
		env.companion = o.Companion
		handle := func(r *request) reply { return c.serveFinOps(env, r) }
		if env.url, err = c.listen(spec.Name, handle, func() downState { return env.down }); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		if o.Service.Threads > 0 {
			c.hosts[len(c.hosts)-1].service = o.Service.Start()
		}
		c.directory.addResource(finOpsResource(env.url))
		c.envs = append(c.envs, env)
	}
	for _, h := range c.hosts {
		h.serve()
	}
	return c, nil
}

func (o *Options) fill() error {
	setDefault(&o.Addr, "127.0.0.1")
	setDefault(&o.Speed, 1)
	setDefault(&o.Timeline, Timeline{NotStarted: 2 * time.Minute, Copy: 40 * time.Minute, Sync: 20 * time.Minute, Tail: time.Minute})
	setDefault(&o.TokenLifetime, time.Hour)
	setDefault(&o.PackageTime, 2*time.Minute)
	setDefault(&o.Logger, slog.New(slog.DiscardHandler))
	setDefault(&o.Tenant, "6f0c1d2e-1111-4222-8333-444455556666")
	setDefault(&o.LCSClientID, "0a0a0a0a-1111-4222-8333-444455556666")
	setDefault(&o.LCSUser, "refresh-svc@contoso.com")
	setDefault(&o.LCSPassword, "Correct-Horse-7")
	setDefault(&o.AppID, "0b0b0b0b-1111-4222-8333-444455556666")
	setDefault(&o.AppSecret, "s3cr3t~of.the.refresh-app")
	setDefault(&o.ProjectID, 1234567)
	setDefault(&o.LCSPageSize, 5)
	setDefault(&o.ODataPageSize, 25)
	if len(o.Environments) == 0 {
		o.Environments = []EnvironmentSpec{
			{Name: "prod", Type: "Production", LCSID: "3d6c5b4a-1111-4222-8333-444455556666"},
			{Name: "uat", Type: "Sandbox", LCSID: "4e7d6c5b-1111-4222-8333-444455556666"},
		}
	}
	o.Environments = append([]EnvironmentSpec(nil), o.Environments...)
	if o.Speed <= 0 {
		return fmt.Errorf("simulated cloud: speed is %v, want more than 0", o.Speed)
	}
	names := map[string]bool{"": true, "entra": true, "lcs": true, storageHost: true}
	for i := range o.Environments {
		e := &o.Environments[i]
		if names[e.Name] {
			return fmt.Errorf("simulated cloud: environment name %q is empty, reserved or used twice", e.Name)
		}
		names[e.Name] = true
		setDefault(&e.LCSID, newGUID())
		setDefault(&e.Release, "10.0.43")
		setDefault(&e.Infrastructure, "SelfService")
		if e.Type == "" {
			return fmt.Errorf("simulated cloud: environment %q has no type", e.Name)
		}
	}
	return nil
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Close stops all hosts and timers and waits for what is under way.
func (c *Cloud) Close() error {
	c.closeOnce.Do(func() {
		close(c.done)
		c.mu.Lock()
		c.closed = true
		for t := range c.timers {
			if t.Stop() {
				c.pending.Done()
			}
		}
		c.timers = nil
		c.mu.Unlock()
		var errs []error
		for _, h := range c.hosts {
			errs = append(errs, h.close())
		}
		c.pending.Wait()
		c.client.CloseIdleConnections()
		c.closeErr = errors.Join(errs...)
	})
	return c.closeErr
}

// after runs f once d has passed, unless the cloud is closed first. Cloud.mu is held.
func (c *Cloud) after(d time.Duration, f func()) {
	if c.closed {
		return
	}
	c.pending.Add(1)
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		defer c.pending.Done()
		c.mu.Lock() // also orders this after the assignment to t
		delete(c.timers, t)
		c.mu.Unlock()
		f()
	})
	c.timers[t] = struct{}{}
}

// scaled divides a duration by the speed.
func (c *Cloud) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.opts.Speed)
}

// AuthorityURL is the Entra host, without tenant and trailing slash. Clients must have instance discovery off.
func (c *Cloud) AuthorityURL() string { return c.entraURL }

// LCSURL is the LCS API host, without a trailing slash. Its scope is LCSURL() + "//.default".
func (c *Cloud) LCSURL() string { return c.lcsURL }

// EnvironmentURL is the F&O host of an environment, without a trailing slash; empty for an unknown name.
func (c *Cloud) EnvironmentURL(name string) string { return c.Snapshot(name).URL }

// LCSID is the LCS environment id, with dashes; empty for an unknown name.
func (c *Cloud) LCSID(name string) string { return c.Snapshot(name).LCSID }

// CAPEM is the certificate, PEM encoded, that a client has to trust.
func (c *Cloud) CAPEM() []byte { return append([]byte(nil), c.ca.pem...) }

// HTTPClient is a client that trusts the cloud's certificate. It is the same one each time, without a timeout.
func (c *Cloud) HTTPClient() *http.Client { return c.client }

// Tenant is the directory (tenant) id.
func (c *Cloud) Tenant() string { return c.opts.Tenant }

// LCSClientID is the public client that signs in LCSUser.
func (c *Cloud) LCSClientID() string { return c.opts.LCSClientID }

// LCSUser is the sign-in name of the LCS project owner.
func (c *Cloud) LCSUser() string { return c.opts.LCSUser }

// LCSPassword is the password that LCSUser started with.
func (c *Cloud) LCSPassword() string { return c.opts.LCSPassword }

// AppID is the confidential client that every environment knows at the start.
func (c *Cloud) AppID() string { return c.opts.AppID }

// AppSecret is the client secret that AppID started with.
func (c *Cloud) AppSecret() string { return c.opts.AppSecret }

// IssuedTokens returns the access and refresh tokens that were given out, for a test to look for where none belongs:
// all of them, or in a cloud that runs for days the most recent few thousand.
func (c *Cloud) IssuedTokens() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.directory.issued...)
}

// ProjectID is the LCS project of all environments.
func (c *Cloud) ProjectID() int { return c.opts.ProjectID }

func hostURL(addr string, l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(addr); ip != nil && ip.IsUnspecified() {
		addr = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(addr, port)
}
