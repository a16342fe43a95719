package phases

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"refreshbot/jobs/refresh"
)

// Copier is who copies the source's database over the target's: LCS today. Environment ids are the copier's own.
type Copier interface {
	// Environment returns what the copier knows of an environment. NotFound when it knows none of that id.
	Environment(ctx context.Context, id string) (refresh.EnvironmentDetail, error)
	// History returns the operations on an environment, newest first.
	History(ctx context.Context, id string) ([]refresh.Operation, error)
	// Quota returns how many refreshes the copier accepts of an environment with this history.
	Quota(history []refresh.Operation, now time.Time) refresh.Quota
	// Start begins the copy and returns the operation's id. The error's code is Unknown whenever the copy
	// may have begun; any other code promises that it has not.
	Start(ctx context.Context, source, target string) (string, error)
	// Status returns the state of an operation on the target.
	Status(ctx context.Context, target, operation string) (refresh.CopyStatus, error)
}

// Environment is one F&O environment, signed in as refreshbot's app. Errors carry the codes of package refresh:
// Offline when it does not answer, Denied when it answers but does not know the app.
type Environment interface {
	// URL is where the requests go.
	URL() string
	Ping(ctx context.Context) error
	Companies(ctx context.Context) ([]string, error)
	Broadcast(ctx context.Context, from, to time.Time) error
	Users(ctx context.Context) ([]refresh.User, error)
	BatchJobs(ctx context.Context) ([]refresh.BatchJob, error)
	SetBatchJobWaiting(ctx context.Context, recID int64) error
	BatchGroups(ctx context.Context) ([]refresh.BatchGroup, error)
	AddBatchGroup(ctx context.Context, g refresh.BatchGroup) error
	BatchServers(ctx context.Context) ([]string, error)
	EmailParameters(ctx context.Context) (refresh.EmailParameters, error)
	SetEmailParameters(ctx context.Context, p refresh.EmailParameters) error
	Write(ctx context.Context, rec refresh.Record) error
	Insert(ctx context.Context, rec refresh.Record) error
	Delete(ctx context.Context, rec refresh.Record) error
	// WriteAll makes many changes, each on its own. There is one error for each of them, nil where it was made; the
	// second result is what stopped the whole.
	WriteAll(ctx context.Context, changes []refresh.Change) ([]error, error)
	Rows(ctx context.Context, q refresh.Query) ([]map[string]any, error)
	AADClients(ctx context.Context) ([]refresh.AADClient, error)
	AddAADClient(ctx context.Context, c refresh.AADClient) error
	DeleteAADClient(ctx context.Context, clientID string) error
	UserRoles(ctx context.Context) ([]refresh.UserRole, error)
	AssignRole(ctx context.Context, r refresh.UserRole) error
	EnableUsers(ctx context.Context, ids []string) (map[string]error, error)
	CallService(ctx context.Context, path string, body any) (json.RawMessage, error)
	ImportPackage(ctx context.Context, pkg refresh.Package) error
	PackageStatus(ctx context.Context, execution string) (string, error)
	PackageErrors(ctx context.Context, execution string) ([]string, error)
}

// Journal is where the snapshot is kept.
type Journal interface {
	Journal(ctx context.Context, id refresh.ID, after int64) ([]refresh.Entry, error)
}

// Calendar knows when environments are not to be refreshed.
type Calendar interface {
	Blackouts(ctx context.Context, target string, from time.Time) ([]refresh.Blackout, error)
}

// Options are what a Performer works with.
type Options struct {
	Copier       Copier
	Environments map[string]Environment // by the name the configuration gives them
	Companions   map[string]Companion   // the companion service of each, likewise
	StatusPoll   time.Duration          // how often the state of a running copy is asked
	AnswerPoll   time.Duration          // how often the target is asked whether it answers

	Calendar Calendar // nil: no blackouts are known

	AppID   string // the client id under which refreshbot itself signs in to F&O
	Journal Journal
	People  People
	Secret  func(ref string) (string, error) // resolves a reference of the plan; its errors never hold the secret
	HTTP    *http.Client                     // for outside systems
}

// Performer performs steps; it is the engine's.
type Performer struct {
	Options
	perform map[refresh.Kind]func(context.Context, job) refresh.Outcome

	mu     sync.Mutex
	states map[string]polled    // by operation
	quotas map[string]tally     // by environment
	began  map[string]time.Time // by execution of a data package: when this process first saw it
}

type polled struct {
	at     time.Time
	status refresh.CopyStatus
}

// New returns a Performer.
func New(o Options) *Performer {
	p := &Performer{Options: o, states: map[string]polled{}, quotas: map[string]tally{}, began: map[string]time.Time{}}
	p.perform = map[refresh.Kind]func(context.Context, job) refresh.Outcome{
		refresh.KindPreflight:   p.preflight,
		refresh.KindBlackouts:   p.lookForBlackouts,
		refresh.KindBroadcast:   p.broadcast,
		refresh.KindCopy:        p.startCopy,
		refresh.KindFollow:      p.follow,
		refresh.KindSmoke:       p.smoke,
		refresh.KindBatchGroups: p.batchGroups,
		refresh.KindEmail:       p.email,
		refresh.KindBatchJobs:   p.batchJobs,
		refresh.KindService:     p.service,
		refresh.KindOData:       p.odata,
		refresh.KindEnable:      p.enableUsers,
		refresh.KindVerify:      p.verifyUsers,
		refresh.KindSnapshot:    p.snapshot,
		refresh.KindRestore:     p.restore,
		refresh.KindEntityStore: p.entityStore,
		refresh.KindParameters:  p.systemParameters,
		refresh.KindEncrypted:   p.encryptedField,
		refresh.KindPackage:     p.importPackage,
		refresh.KindHTTP:        p.http,
		refresh.KindGuard:       p.guard,
		refresh.KindPreview:     p.previewUsers,
	}
	return p
}

// job is one step of one refresh, with the environments it concerns.
type job struct {
	refresh refresh.Refresh
	step    refresh.Step
	source  Environment
	target  Environment
}

// Perform carries out the step once. The step's intent is in the journal already.
func (p *Performer) Perform(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Outcome {
	do, ok := p.perform[s.Kind]
	if !ok {
		return failed(refresh.Errorf(refresh.Internal, "This version of refreshbot cannot perform a step of kind %q.", s.Kind))
	}
	j := job{r, s, p.Environments[r.Source.Name], p.Environments[r.Target.Name]}
	for _, e := range []struct {
		refresh.Environment
		now Environment
	}{{r.Source, j.source}, {r.Target, j.target}} {
		if e.now == nil {
			return failed(refresh.Errorf(refresh.Invalid, "The environment %s is no longer in the configuration. Put it back and press Retry.", e.Name))
		}
		if err := moved(e.Environment, e.now); err != nil && s.Kind != refresh.KindPreflight { // there it is one of the checks
			return failed(err)
		}
	}
	return do(ctx, j)
}

// moved refuses an environment that the configuration has at another address than when the refresh was asked for. What
// was checked and approved is the one at the old address; the other one may be anybody's.
func moved(e refresh.Environment, now Environment) error {
	if sameAddress(now.URL(), e.URL) {
		return nil
	}
	return refresh.Errorf(refresh.Invalid, "The configuration has %s at %s now, and this refresh was asked for it at %s. Put the address back and press Retry, or stop this refresh and ask for another.",
		e.Name, now.URL(), e.URL)
}

func sameAddress(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// params reads the step's parameters, which package phases itself wrote into the plan.
func params[T any](s refresh.Step) (T, error) {
	var v T
	d := json.NewDecoder(bytes.NewReader(s.Params))
	d.UseNumber() // record ids have 64 bits
	if err := d.Decode(&v); err != nil {
		return v, &refresh.Error{Code: refresh.Internal, Msg: fmt.Sprintf("The parameters of %q cannot be read.", s.Name), Err: err}
	}
	return v, nil
}

// failed is an outcome from an error. A code of Unknown means that nobody knows whether it happened.
func failed(err error) refresh.Outcome {
	o := refresh.Outcome{Result: refresh.Failure, Problem: problem(err)}
	if o.Problem.Code == refresh.Unknown {
		o.Result = refresh.NotKnown
	}
	o.RetryAfter = retryAfter(err)
	return o
}

func problem(err error) *refresh.Problem {
	return &refresh.Problem{Code: refresh.CodeOf(err), Message: refresh.MessageOf(err)}
}

func done(note string, findings ...refresh.Finding) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Succeeded, Note: note, Findings: findings}
}

// judged succeeds when every finding is good. Otherwise it fails with the first that is not, and waits for
// better times only if all that failed may pass by themselves.
func judged(findings []refresh.Finding, errs []error, good string) refresh.Outcome {
	var bad []refresh.Finding
	for _, f := range findings {
		if !f.OK {
			bad = append(bad, f)
		}
	}
	if len(bad) == 0 {
		return done(good, findings...)
	}
	o := refresh.Outcome{Result: refresh.Failure, Findings: findings, Problem: &refresh.Problem{Code: refresh.Refused}}
	o.Problem.Message = bad[0].Name + ": " + bad[0].Detail
	if n := len(bad) - 1; n > 0 {
		o.Problem.Message += fmt.Sprintf(" (and %d more)", n)
	}
	if len(errs) == len(bad) {
		o.Problem.Code = refresh.CodeOf(errs[0])
		for _, err := range errs {
			o.RetryAfter = max(o.RetryAfter, retryAfter(err))
			if c := refresh.CodeOf(err); c != refresh.Offline && c != refresh.Throttled && c != refresh.Unknown {
				o.Problem.Code = c
			}
		}
	}
	return o
}
