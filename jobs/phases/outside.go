package phases

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

const (
	// httpTimeout bounds one call of an outside system.
	httpTimeout = 30 * time.Second
	// importTimeout is how long a data package may take when the configuration does not say.
	importTimeout = time.Hour
	// packageLimit bounds the file of a data package, in bytes.
	packageLimit = 200 << 20
)

// http tells an outside system. What it answers is not shown, since it may hold anything.
func (p *Performer) http(ctx context.Context, j job) refresh.Outcome {
	want, err := params[HTTPParams](j.step)
	if err != nil {
		return failed(err)
	}
	var body io.Reader
	if want.Body != nil {
		data, err := json.Marshal(want.Body)
		if err != nil {
			return failed(err)
		}
		body = bytes.NewReader(data)
	}
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, want.Method, want.URL, body)
	if err != nil {
		return failed(refresh.Errorf(refresh.Invalid, "The address of %q cannot be used.", j.step.Name))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range want.Headers {
		req.Header.Set(name, value)
	}
	for name, ref := range want.Secrets {
		value, err := p.Secret(ref)
		if err != nil {
			return failed(err)
		}
		req.Header.Set(name, value)
	}
	client := *p.HTTP
	client.CheckRedirect = wire.Stay // the header must not travel
	resp, err := client.Do(req)
	if err != nil { // its text holds the whole address, which may hold a key
		return failed(&refresh.Error{Code: refresh.Offline, Msg: req.URL.Host + " does not answer.", Err: errors.New("call " + req.URL.Host)})
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	good := resp.StatusCode/100 == 2
	if len(want.Expect) > 0 {
		good = slices.Contains(want.Expect, resp.StatusCode)
	}
	switch {
	case good:
		return done(fmt.Sprintf("%s answered %d.", req.URL.Host, resp.StatusCode))
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return failed(refresh.Errorf(refresh.Offline, "%s answered %d.", req.URL.Host, resp.StatusCode))
	default:
		return failed(refresh.Errorf(refresh.Refused, "%s answered %d. Check the address and the header in the configuration.", req.URL.Host, resp.StatusCode))
	}
}

// importPackage uploads a data package once and then follows its execution. The execution's id follows from the
// refresh, the step and how many attempts came before the one that a person asked for last: an attempt that is made by
// itself, be it by a new process, finds the import that an earlier one began.
func (p *Performer) importPackage(ctx context.Context, j job) refresh.Outcome {
	want, err := params[PackageParams](j.step)
	if err != nil {
		return failed(err)
	}
	execution := fmt.Sprintf("refreshbot-%s-%s-%d", j.refresh.ID, j.step.ID, j.step.Attempt-j.step.Tries)
	status, err := importStatus(ctx, j, execution)
	if err != nil {
		return failed(err)
	}
	if status != "" {
		return p.followImport(ctx, j, want, execution, status)
	}
	err = beginImport(ctx, j, want, execution)
	if refresh.CodeOf(err) == refresh.Refused { // as when the request of an earlier attempt has landed since F&O was asked
		if status, lost := importStatus(ctx, j, execution); lost == nil && status != "" {
			return p.followImport(ctx, j, want, execution, status)
		}
	}
	if err != nil {
		return failed(err)
	}
	p.firstSeen(execution)
	return p.importing(want)
}

// importStatus returns how far the import is, "" when F&O knows none of that id.
func importStatus(ctx context.Context, j job, execution string) (string, error) {
	status, err := j.target.PackageStatus(ctx, execution)
	if status == refresh.PackageUnknown || refresh.CodeOf(err) == refresh.NotFound {
		return "", nil
	}
	return status, err
}

// beginImport uploads the file and has F&O import it.
func beginImport(ctx context.Context, j job, want PackageParams, execution string) error {
	info, err := os.Stat(want.File)
	if err != nil || info.Size() > packageLimit {
		return refresh.Errorf(refresh.Invalid, "The data package %s cannot be read, or is larger than %d MB. Put one there that refreshbot may read, and try again.", want.File, packageLimit>>20)
	}
	data, err := os.ReadFile(want.File)
	if err != nil {
		return refresh.Errorf(refresh.Invalid, "The data package %s cannot be read. Put one there that refreshbot may read, and try again.", want.File)
	}
	return j.target.ImportPackage(ctx, refresh.Package{
		Name: execution + ".zip", Data: data, DefinitionGroup: want.DefinitionGroup, ExecutionID: execution,
		LegalEntity: want.LegalEntity, Overwrite: want.Overwrite,
	})
}

// followImport says what has become of an import.
func (p *Performer) followImport(ctx context.Context, j job, want PackageParams, execution, status string) refresh.Outcome {
	file := filepath.Base(want.File)
	limit := want.Timeout
	if limit == 0 {
		limit = importTimeout
	}
	switch status {
	case refresh.PackageSucceeded:
		return done(file + " is imported.")
	case refresh.PackagePartiallySucceeded, refresh.PackageFailed, refresh.PackageCanceled:
		errs, err := j.target.PackageErrors(ctx, execution)
		if err != nil {
			errs = []string{"F&O does not say why: " + refresh.MessageOf(err)}
		}
		return failed(refresh.Errorf(refresh.Refused, "The import of %s ended as %s: %s", file, status, some(errs)))
	}
	if time.Since(p.firstSeen(execution)) > limit {
		return failed(refresh.Errorf(refresh.Refused, "The import of %s has not ended within %s. See Data management > Job history.", file, limit))
	}
	return p.importing(want)
}

// importing has the import looked at again.
func (p *Performer) importing(want PackageParams) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Continues, Note: "F&O imports " + filepath.Base(want.File) + ".", Again: p.AnswerPoll}
}

// firstSeen returns when this process first saw the execution. A new process grants the time afresh.
func (p *Performer) firstSeen(execution string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began[execution].IsZero() {
		p.began[execution] = time.Now()
	}
	return p.began[execution]
}
