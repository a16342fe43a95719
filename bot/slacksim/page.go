package slacksim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	stateEvery = 100 * time.Millisecond // at most ten states a second per watcher
	panelEvery = 500 * time.Millisecond
)

func (s *Server) routePage(mux *http.ServeMux) {
	static := http.FileServerFS(pageFS())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFS(), "index.html") })
	mux.Handle("GET /page/", http.StripPrefix("/page/", static))
	mux.HandleFunc("GET /page/api/events", s.pageEvents)
	mux.HandleFunc("GET /page/api/file/{id}", s.pageFile)
	mux.HandleFunc("POST /page/api/{what}", s.pagePost)
}

type pageUser struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"`
	Title    string `json:"title"`
	IsBot    bool   `json:"is_bot"`
	Color    string `json:"color"`
	Pick     bool   `json:"pick"`
}

type pageGroup struct {
	ID     string   `json:"id"`
	Handle string   `json:"handle"`
	Name   string   `json:"name"`
	Users  []string `json:"users"`
}

type pageChannel struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Topic  string `json:"topic"`
	IsIM   bool   `json:"is_im"`
	Unread int    `json:"unread"`
}

type pageCommand struct {
	Command     string   `json:"command"`
	Description string   `json:"description"`
	UsageHint   string   `json:"usage_hint"`
	Examples    []string `json:"examples"`
}

type pageShortcut struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	CallbackID  string `json:"callback_id"`
	Message     bool   `json:"message"`
}

type pageMessage struct {
	Channel    string          `json:"channel"`
	TS         string          `json:"ts"`
	ThreadTS   string          `json:"thread_ts,omitempty"`
	User       string          `json:"user"`
	Text       string          `json:"text"`
	Blocks     json.RawMessage `json:"blocks,omitempty"`
	Ephemeral  bool            `json:"ephemeral"`
	Edited     bool            `json:"edited"`
	Broadcast  bool            `json:"broadcast"` // a reply that the channel shows too
	ReplyCount int             `json:"reply_count"`
	IsBot      bool            `json:"is_bot"`
	Images     []pageImage     `json:"images,omitempty"`
}

type pageImage struct {
	Link  string `json:"link"`
	Title string `json:"title"`
	Alt   string `json:"alt"`
}

type pageView struct {
	ID     string            `json:"id"`
	Type   string            `json:"type"`
	Title  any               `json:"title"`
	Submit any               `json:"submit,omitempty"`
	Close  any               `json:"close,omitempty"`
	Blocks json.RawMessage   `json:"blocks"`
	Errors map[string]string `json:"errors"`
}

// pageState is all that one person sees.
type pageState struct {
	Workspace   string         `json:"workspace"`
	Me          string         `json:"me"`
	Users       []pageUser     `json:"users"`
	UserGroups  []pageGroup    `json:"usergroups"`
	Channels    []pageChannel  `json:"channels"`
	Commands    []pageCommand  `json:"commands"`
	Messages    []pageMessage  `json:"messages"`
	View        *pageView      `json:"view"`
	Home        *pageView      `json:"home"` // null: the app has none
	Shortcuts   []pageShortcut `json:"shortcuts"`
	Notices     []notice       `json:"notices"`
	Pending     []pendingClick `json:"pending"`
	Connections int            `json:"connections"`
	Panel       []PanelSection `json:"panel"`
}

// state builds what a person sees. The lock is held.
func (s *Server) stateFor(me string) pageState {
	st := pageState{
		Workspace: s.opts.Workspace, Me: me, Connections: s.usable(),
		Users: []pageUser{}, UserGroups: []pageGroup{}, Channels: []pageChannel{}, Commands: []pageCommand{},
		Messages: []pageMessage{}, Notices: []notice{}, Pending: []pendingClick{}, Panel: []PanelSection{}, Shortcuts: []pageShortcut{},
	}
	colors := []string{"#4a7fb5", "#7a5ea8", "#b5604a", "#3f8f6b", "#a8873c", "#5a6fa8", "#a04f78", "#4f8a93"}
	for i, u := range append([]User{s.names.bot}, s.names.users...) {
		if !u.Deleted {
			st.Users = append(st.Users, pageUser{u.ID, u.Name, u.RealName, u.Title, u.ID == s.BotUserID(), colors[i%len(colors)], u.Pick})
		}
	}
	for _, g := range s.groups {
		st.UserGroups = append(st.UserGroups, pageGroup{g.ID, g.Handle, g.Name, append([]string{}, g.Users...)})
	}
	for _, c := range s.opts.Commands {
		st.Commands = append(st.Commands, pageCommand{c.Command, c.Description, c.UsageHint, append([]string{}, c.Examples...)})
	}
	unread := map[string]int{}
	for _, m := range s.messages {
		if !s.visible(m, me) {
			continue
		}
		st.Messages = append(st.Messages, s.pageMessage(m))
		if m.User == me {
			unread[m.Channel] = 0
		} else {
			unread[m.Channel]++
		}
	}
	for _, c := range s.channels {
		if c.has(me) {
			st.Channels = append(st.Channels, pageChannel{c.ID, c.Name, c.Topic, c.im != "", unread[c.ID]})
		}
	}
	if v := s.top(me); v != nil {
		st.View = &pageView{v.ID, v.Type, v.raw["title"], v.raw["submit"], v.raw["close"], v.Blocks, v.Errors}
		if v.Errors == nil {
			st.View.Errors = map[string]string{}
		}
	}
	if !s.opts.NoHome {
		st.Home = &pageView{Type: "home", Blocks: json.RawMessage("[]"), Errors: map[string]string{}}
		if v := s.homes[me]; v != nil {
			st.Home.ID, st.Home.Blocks = v.ID, v.Blocks
		}
	}
	for _, c := range s.opts.Shortcuts {
		st.Shortcuts = append(st.Shortcuts, pageShortcut{c.Name, c.Description, c.CallbackID, c.Message})
	}
	for _, n := range s.notices {
		if n.user == me {
			st.Notices = append(st.Notices, n)
		}
	}
	if n := len(st.Notices); n > 20 {
		st.Notices = st.Notices[n-20:]
	}
	for _, p := range s.pending {
		if p.user == me {
			st.Pending = append(st.Pending, p)
		}
	}
	if s.panel != nil {
		st.Panel = s.panel
	}
	return st
}

func (s *Server) pageMessage(m *Message) pageMessage {
	p := pageMessage{
		Channel: m.Channel, TS: m.TS, ThreadTS: m.ThreadTS, User: m.User, Text: m.Text, Blocks: m.Blocks,
		Ephemeral: m.Ephemeral, Edited: m.Edited, Broadcast: m.Broadcast, IsBot: m.bot,
	}
	for _, id := range m.Files {
		if f := s.files[id]; f != nil {
			link := s.URL() + "/page/api/file/" + url.PathEscape(f.id)
			if strings.HasPrefix(f.mimetype(), "image/") {
				p.Images = append(p.Images, pageImage{link, f.title, f.alt})
			}
			p.Text = strings.TrimPrefix(fmt.Sprintf("%s\n:page_facing_up: <%s|%s> (%d bytes)", p.Text, link, html.EscapeString(f.title), len(f.data)), "\n")
		}
	}
	if !m.reply() {
		p.ReplyCount = len(s.repliesTo(m))
	}
	return p
}

// pageEvents streams a person's state: at once and after every change.
func (s *Server) pageEvents(w http.ResponseWriter, r *http.Request) {
	me := r.URL.Query().Get("user")
	if me == "" {
		for _, u := range s.names.users {
			if u.Pick && me == "" {
				me = u.ID
			}
		}
	}
	if err := s.mayPlay(me); err != nil {
		pageError(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w)
	s.watch(+1)
	defer s.watch(-1)
	var last []byte
	for {
		s.mu.Lock()
		next := s.changed
		st := s.stateFor(me)
		state := toJSON(st) // encoded under the lock: blocks and maps are shared with the server
		s.mu.Unlock()
		if !bytes.Equal(state, last) {
			last = state
			if _, err := fmt.Fprintf(w, "data: %s\n\n", state); err != nil {
				return
			}
			if flush.Flush() != nil {
				return
			}
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
		if !s.pause(stateEvery) {
			return
		}
	}
}

// watch counts the people who look at the page; the first one starts the panel's polling.
func (s *Server) watch(delta int) {
	s.mu.Lock()
	s.watchers += delta
	start := s.watchers > 0 && !s.polling && s.opts.Panel != nil
	s.polling = s.polling || start
	s.mu.Unlock()
	if start {
		s.spawn(s.pollPanel)
	}
}

func (s *Server) pollPanel() {
	for {
		panel := s.opts.Panel()
		for i := range panel { // the page expects lists, never null
			if panel[i].Rows == nil {
				panel[i].Rows = []PanelRow{}
			}
		}
		s.mu.Lock()
		if !bytes.Equal(toJSON(panel), toJSON(s.panel)) {
			s.panel = panel
			s.touch()
		}
		s.polling = s.watchers > 0
		watched := s.polling
		s.mu.Unlock()
		if !watched || !s.pause(panelEvery) {
			return
		}
	}
}

func (s *Server) pageFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f := s.doneFile(r.PathValue("id"))
	s.mu.Unlock()
	sendFile(w, f)
}

// pageRequest is the body of every POST of the page.
type pageRequest struct {
	User      string                    `json:"user"`
	Channel   string                    `json:"channel"`
	Text      string                    `json:"text"`
	ThreadTS  string                    `json:"thread_ts"`
	MessageTS string                    `json:"message_ts"`
	ViewID    string                    `json:"view_id"`
	BlockID   string                    `json:"block_id"`
	ActionID  string                    `json:"action_id"`
	Callback  string                    `json:"callback_id"`
	Values    map[string]map[string]any `json:"values"`
}

// mayPlay refuses anyone the page does not offer.
func (s *Server) mayPlay(user string) error {
	if u := s.names.user(user); u == nil || !u.Pick || u.Deleted {
		return fmt.Errorf("The page cannot act as %q.", user) //nolint:staticcheck // shown to a person as a sentence
	}
	return nil
}

// pagePost handles what a person does on the page. The body must be declared as JSON: a browser sends
// that across origins only after a preflight, which nothing here answers, so no other site can act here.
func (s *Server) pagePost(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	var req pageRequest
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		pageError(w, fmt.Errorf("The request must be application/json.")) //nolint:staticcheck // a sentence for a person
		return
	}
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil || json.Unmarshal(body.Bytes(), &req) != nil {
		pageError(w, fmt.Errorf("The request is not valid JSON.")) //nolint:staticcheck // a sentence for a person
		return
	}
	if err := s.mayPlay(req.User); err != nil {
		pageError(w, err)
		return
	}
	var d *delivery
	var write func()
	var err error
	switch r.PathValue("what") {
	case "command":
		d, write, err = s.slash(req.User, req.Channel, req.Text)
	case "message":
		_, err = s.Say(req.User, req.Channel, req.Text, req.ThreadTS)
	case "action":
		d, write, err = s.pageAction(req, body.Bytes())
	case "shortcut":
		s.mu.Lock()
		d, write, err = s.beginShortcut(req.User, req.Callback, req.Channel, req.MessageTS)
		s.mu.Unlock()
	case "panel":
		if s.opts.Pressed == nil {
			http.NotFound(w, r)
			return
		}
		s.opts.Pressed(req.ActionID)
	case "home":
		s.spawn(func() { _, _ = s.OpenHome(s.ctx, req.User) }) // the page does not wait for the app
	case "close":
		s.mu.Lock()
		v := s.top(req.User)
		s.mu.Unlock()
		if v == nil || v.ID != req.ViewID {
			break // closed twice
		}
		s.spawn(func() { _, _ = s.CloseView(s.ctx, req.User, req.ViewID) }) // the page does not wait for the app
	case "submit":
		s.pageSubmit(w, r.Context(), req)
		return
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		pageError(w, err)
		return
	}
	if write != nil && d != nil {
		write()
	}
	pageJSON(w, http.StatusAccepted, obj{})
}

// pageAction sends a click or a choice; the selected_* members travel as the page gave them. A button that was edited
// away while somebody pressed it is sent as they saw it, as Slack's clients do.
func (s *Server) pageAction(req pageRequest, body []byte) (*delivery, func(), error) {
	var all obj
	_ = json.Unmarshal(body, &all) // decoded once already
	at := place{channel: req.Channel, ts: req.MessageTS, view: req.ViewID}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, write, err := s.begin(req.User, at, req.BlockID, req.ActionID, func(e element) (obj, error) {
		picked := obj{}
		for k, v := range all {
			if strings.HasPrefix(k, "selected_") && v != nil {
				picked[k] = v
			}
		}
		if kind, _ := elementKinds(text(e.el, "type")); kind.value == "value" {
			picked["value"] = all["value"]
		}
		return picked, nil
	})
	if seen, ok := all["seen"].(obj); ok && err != nil && text(seen, "type") == "button" {
		if _, gone := s.blocksAt(req.User, at); gone == nil {
			d, write = s.blockAction(req.User, at, obj{"type": "button", "block_id": req.BlockID, "action_id": req.ActionID, "text": seen["text"], "value": seen["value"]})
			err = nil
		}
	}
	return d, write, err
}

func (s *Server) pageSubmit(w http.ResponseWriter, ctx context.Context, req pageRequest) {
	ack, err := s.Submit(ctx, req.User, req.ViewID, req.Values)
	switch {
	case err != nil:
		pageError(w, err)
	case ack.OK:
		pageJSON(w, http.StatusOK, obj{"ok": true})
	case len(ack.Errors) > 0:
		pageJSON(w, http.StatusOK, obj{"ok": false, "errors": ack.Errors})
	default: // the notice says what went wrong
		pageJSON(w, http.StatusOK, obj{"ok": false, "errors": obj{}})
	}
}

func pageError(w http.ResponseWriter, err error) {
	pageJSON(w, http.StatusBadRequest, obj{"error": strings.TrimPrefix(err.Error(), "slacksim: ")})
}

func pageJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(toJSON(v)) // the browser may be gone
}
