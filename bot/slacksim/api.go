package slacksim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request body; a file upload has its own bound.
const maxBody = 4 << 20

// Call is one Web API request as it arrived, for tests to read.
type Call struct {
	Method string            // "chat.postMessage"; "response_url", "upload" and "download" for the other doors
	At     time.Time         // when it arrived
	Token  string            // bot, app, none, unknown; never the token itself
	Form   map[string]string // parameters without the token; JSON values as JSON text
	Error  string            // Slack's error name, empty when it worked
	Status int               // HTTP status; 0 when the connection was cut by a fault
}

// args are the parameters of one call, each as JSON. A form value is a JSON string.
type args map[string]json.RawMessage

// str reads a parameter as text, whatever JSON type it came in.
func (a args) str(key string) string {
	raw := a[key]
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// raw reads a parameter that is itself JSON, given directly or as JSON in a string. Absent, null and
// the empty string are nil.
func (a args) raw(key string) json.RawMessage {
	raw := a[key]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(strings.TrimSpace(text))
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}

func (a args) has(key string) bool { _, ok := a[key]; return ok }

func (a args) flag(key string) bool {
	v := a.str(key)
	return v == "true" || v == "1"
}

func (a args) num(key string, fallback int) (int, error) {
	v := a.str(key)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, fail("invalid_arguments")
	}
	return n, nil
}

// readArgs reads query, form, multipart or JSON parameters; the token leaves through the second result.
func readArgs(r *http.Request) (args, string, error) {
	a := args{}
	put := func(vals map[string][]string) {
		for k, v := range vals {
			if len(v) > 0 {
				a[k] = toJSON(v[0])
			}
		}
	}
	put(r.URL.Query())
	switch ct := r.Header.Get("Content-Type"); {
	case strings.HasPrefix(ct, "application/json"):
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, "", err
		}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &a); err != nil {
				return nil, "", fail("invalid_json")
			}
		}
	case strings.HasPrefix(ct, "multipart/form-data"):
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return nil, "", fail("invalid_form_data")
		}
		put(r.MultipartForm.Value)
	default:
		if err := r.ParseForm(); err != nil {
			return nil, "", fail("invalid_form_data")
		}
		put(r.PostForm)
	}
	token := a.str("token")
	delete(a, "token")
	return a, token, nil
}

func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// method is one Web API method.
type method struct {
	run       func(*Server, args) (obj, error) // the lock is held
	scope     string                           // "" when none or when it depends on the conversation
	perMinute int                              // rate-limit tier
	token     tokenKind                        // tokenBot when empty
}

const (
	tier2 = 20
	tier3 = 50
	tier4 = 100
)

// lookup is the table of methods. Tiers are those of docs.slack.dev, "Rate limits" and the method pages;
// where a page gives none the nearest secondary source is used.
func lookup(name string) (method, bool) {
	m, ok := map[string]method{
		"auth.test":                    {run: (*Server).authTest, perMinute: tier4 * 3},
		"apps.connections.open":        {run: (*Server).connectionsOpen, perMinute: tier3, token: tokenApp},
		"chat.postMessage":             {run: (*Server).chatPostMessage, scope: "chat:write", perMinute: postPerMinute},
		"chat.postEphemeral":           {run: (*Server).chatPostEphemeral, scope: "chat:write", perMinute: tier4},
		"chat.update":                  {run: (*Server).chatUpdate, scope: "chat:write", perMinute: tier3},
		"chat.delete":                  {run: (*Server).chatDelete, scope: "chat:write", perMinute: tier3},
		"chat.getPermalink":            {run: (*Server).chatGetPermalink, perMinute: tier4 * 3},
		"conversations.info":           {run: (*Server).conversationsInfo, perMinute: tier3},
		"conversations.history":        {run: (*Server).conversationsHistory, perMinute: tier3},
		"conversations.replies":        {run: (*Server).conversationsReplies, perMinute: tier3},
		"conversations.members":        {run: (*Server).conversationsMembers, perMinute: tier4},
		"conversations.list":           {run: (*Server).conversationsList, perMinute: tier2},
		"conversations.open":           {run: (*Server).conversationsOpen, scope: "im:write", perMinute: tier3},
		"users.info":                   {run: (*Server).usersInfo, scope: "users:read", perMinute: tier4},
		"users.list":                   {run: (*Server).usersList, scope: "users:read", perMinute: tier2},
		"users.lookupByEmail":          {run: (*Server).usersLookupByEmail, scope: "users:read.email", perMinute: tier3},
		"usergroups.list":              {run: (*Server).usergroupsList, scope: "usergroups:read", perMinute: tier2},
		"usergroups.users.list":        {run: (*Server).usergroupsUsersList, scope: "usergroups:read", perMinute: tier2},
		"views.open":                   {run: (*Server).viewsOpen, perMinute: tier4},
		"views.push":                   {run: (*Server).viewsPush, perMinute: tier4},
		"views.update":                 {run: (*Server).viewsUpdate, perMinute: tier4},
		"views.publish":                {run: (*Server).viewsPublish, perMinute: tier4},
		"files.getUploadURLExternal":   {run: (*Server).filesGetUploadURL, scope: "files:write", perMinute: tier4},
		"files.completeUploadExternal": {run: (*Server).filesCompleteUpload, scope: "files:write", perMinute: tier4},
		"files.info":                   {run: (*Server).filesInfo, scope: "files:read", perMinute: tier4},
	}[name]
	return m, ok
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	a, paramToken, err := readArgs(r)
	token := bearer(r)
	// The app-level token of apps.connections.open counts only in the header.
	if token == "" && name != "apps.connections.open" {
		token = paramToken
	}
	s.mu.Lock()
	kind := s.kindOf(token)
	s.mu.Unlock()
	s.answer(w, name, kind, a, func() (obj, error) {
		if err != nil {
			return nil, err
		}
		m, ok := lookup(name)
		if !ok {
			return nil, fail("unknown_method")
		}
		if m.token == "" {
			m.token = tokenBot
		}
		if err := s.checkToken(kind, m.token); err != nil {
			return nil, err
		}
		if wait := s.overLimit(name, m, a.str("channel")); wait > 0 {
			return nil, &apiError{code: "ratelimited", extra: obj{"retry_after": wait}}
		}
		if m.scope != "" {
			if err := s.needScope(m.scope); err != nil {
				return nil, err
			}
		}
		return m.run(s, a)
	}, nil)
}

// answer runs one call with the lock held, lets a waiting fault have its way with it, records it and
// writes the reply: with write where it is no JSON.
func (s *Server) answer(w http.ResponseWriter, name string, kind tokenKind, a args, run func() (obj, error), write func(http.ResponseWriter, int)) {
	form := map[string]string{}
	for k := range a {
		form[k] = a.str(k)
	}
	s.mu.Lock()
	rec := Call{Method: name, At: s.tune.now(), Token: string(kind), Form: form}
	f := s.nextFault(name, a.str("channel"))
	s.mu.Unlock()

	perform := func() (obj, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		body, err := run()
		var ae *apiError
		switch {
		case errors.As(err, &ae):
			rec.Error = ae.code
		case err != nil:
			rec.Error = "internal_error"
		}
		return body, err
	}
	record := func(status int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		rec.Status = status
		s.calls = append(s.calls, rec)
		s.touch()
	}

	if f != nil {
		if f.Met != nil {
			f.Met()
		}
		if f.DropReply && f.Delay > 0 {
			s.spawn(func() {
				if s.pause(f.Delay) {
					_, _ = perform() // its outcome is what the client never learns
					record(0)
				}
			})
			panic(http.ErrAbortHandler)
		}
		if f.Delay > 0 && !s.pause(f.Delay) {
			panic(http.ErrAbortHandler)
		}
		switch {
		case f.DropRequest:
			rec.Error = "request_dropped"
			record(0)
			panic(http.ErrAbortHandler)
		case f.DropReply:
			_, _ = perform()
			record(0)
			panic(http.ErrAbortHandler)
		case f.Status == http.StatusTooManyRequests:
			rec.Error = "ratelimited"
			record(f.Status)
			s.write429(w, kind, max(f.RetryAfter, 1))
			return
		case f.Status != 0:
			rec.Error = "http_" + strconv.Itoa(f.Status)
			record(f.Status)
			http.Error(w, http.StatusText(f.Status), f.Status)
			return
		case f.Error != "" && write == nil:
			rec.Error = f.Error
			record(http.StatusOK)
			s.writeJSON(w, kind, http.StatusOK, obj{"ok": false, "error": f.Error})
			return
		}
	}

	body, err := perform()
	if rec.Error == "ratelimited" {
		record(http.StatusTooManyRequests)
		var ae *apiError
		errors.As(err, &ae)
		wait, _ := ae.extra["retry_after"].(int)
		s.write429(w, kind, wait)
		return
	}
	status := http.StatusOK
	if err != nil {
		body = obj{"ok": false, "error": rec.Error}
		var ae *apiError
		if errors.As(err, &ae) {
			for k, v := range ae.extra {
				body[k] = v
			}
		}
		if code, ok := body["http_status"].(int); ok {
			status = code
			delete(body, "http_status")
		}
	} else {
		if body == nil {
			body = obj{}
		}
		body["ok"] = true
	}
	record(status)
	if write == nil {
		write = func(w http.ResponseWriter, status int) { s.writeJSON(w, kind, status, body) }
	}
	if f != nil && f.CutBody {
		whole := &recorder{header: w.Header(), status: http.StatusOK}
		write(whole, status)
		w.Header().Set("Content-Length", strconv.Itoa(whole.body.Len()))
		w.WriteHeader(whole.status)
		_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2])
		_ = http.NewResponseController(w).Flush() // what follows cuts the connection anyway
		panic(http.ErrAbortHandler)
	}
	write(w, status)
}

func (s *Server) write429(w http.ResponseWriter, kind tokenKind, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	s.writeJSON(w, kind, http.StatusTooManyRequests, obj{"ok": false, "error": "ratelimited"})
}

func (s *Server) writeJSON(w http.ResponseWriter, kind tokenKind, status int, body any) {
	s.mu.Lock()
	scopes := s.scopesOf(kind)
	s.mu.Unlock()
	if len(scopes) > 0 {
		w.Header().Set("X-OAuth-Scopes", join(scopes))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(toJSON(body)) // the client may be gone; nothing to do about it
}

// pause waits, and reports false when the server closed meanwhile.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Calls returns every Web API call so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

func join(list []string) string { return strings.Join(list, ",") }
