package slacksim

import (
	"encoding/json"
	"slices"
)

// View is one modal or Home tab.
type View struct {
	ID, Type, CallbackID, ExternalID, Hash string
	User                                   string
	RootID, PreviousID                     string
	PrivateMetadata                        string
	Title                                  string
	Blocks                                 json.RawMessage
	Errors                                 map[string]string // block_id to text, as the app or the form complained
	NotifyOnClose, ClearOnClose            bool

	raw obj // as the app gave it, with block_ids
}

const maxViewDepth = 3

// readView checks the view parameter.
func (s *Server) readView(raw json.RawMessage, kind string) (*View, error) {
	if raw == nil {
		return nil, fail("invalid_arguments")
	}
	if problems := CheckView(raw); len(problems) > 0 {
		for i := range problems {
			problems[i].Path = "/view" + problems[i].Path
		}
		return nil, refuse(problems)
	}
	var o obj
	if err := json.Unmarshal(raw, &o); err != nil || text(o, "type") != kind {
		return nil, fail("invalid_arguments")
	}
	blocks := withIDs(toJSON(o["blocks"]))
	if blocks == nil {
		blocks = json.RawMessage("[]")
	}
	o["blocks"] = blocks
	title, _ := o["title"].(obj)
	notify, _ := o["notify_on_close"].(bool)
	clear, _ := o["clear_on_close"].(bool)
	return &View{
		ID: "V" + randomID(10), Type: kind, CallbackID: text(o, "callback_id"), ExternalID: text(o, "external_id"),
		Hash: s.viewHash(), PrivateMetadata: text(o, "private_metadata"), Title: text(title, "text"),
		Blocks: blocks, NotifyOnClose: notify, ClearOnClose: clear, raw: o,
	}, nil
}

func (s *Server) viewHash() string { return tsOf(s.tune.now()) + "." + randomID(8) }

// wireView is the view as payloads and answers show it. The lock is held.
func (s *Server) wireView(v *View) obj {
	o := cloneObj(v.raw)
	for _, k := range []string{"title", "submit", "close"} {
		if _, ok := o[k]; !ok {
			o[k] = nil
		}
	}
	o["id"], o["team_id"], o["app_id"], o["app_installed_team_id"], o["bot_id"] = v.ID, teamID, appID, teamID, botID
	o["hash"], o["callback_id"], o["external_id"] = v.Hash, v.CallbackID, v.ExternalID
	o["private_metadata"], o["clear_on_close"], o["notify_on_close"] = v.PrivateMetadata, v.ClearOnClose, v.NotifyOnClose
	o["root_view_id"], o["previous_view_id"] = v.RootID, nil
	if v.PreviousID != "" {
		o["previous_view_id"] = v.PreviousID
	}
	o["state"] = obj{"values": s.values(v.User, v.ID, v.Blocks)}
	return o
}

// top is the modal a person looks at. The lock is held.
func (s *Server) top(user string) *View {
	if stack := s.views[user]; len(stack) > 0 {
		return stack[len(stack)-1]
	}
	return nil
}

// viewBy finds an open modal or a Home tab by id or external id. The lock is held.
func (s *Server) viewBy(id, external string) *View {
	match := func(v *View) bool {
		return (id != "" && v.ID == id) || (external != "" && v.ExternalID == external)
	}
	for _, stack := range s.views {
		if i := slices.IndexFunc(stack, match); i >= 0 {
			return stack[i]
		}
	}
	for _, v := range s.homes {
		if match(v) {
			return v
		}
	}
	return nil
}

// push puts a view on a person's stack. The lock is held.
func (s *Server) push(user string, v *View) error {
	stack := s.views[user]
	if len(stack) >= maxViewDepth {
		return fail("push_limit_reached")
	}
	if v.ExternalID != "" && s.viewBy("", v.ExternalID) != nil {
		return fail("duplicate_external_id")
	}
	v.User, v.RootID = user, v.ID
	if len(stack) > 0 {
		v.RootID, v.PreviousID = stack[0].ID, stack[len(stack)-1].ID
	}
	s.views[user] = append(stack, v)
	s.touch()
	return nil
}

// replace gives an open view new content. The lock is held.
func (s *Server) replace(old, v *View) {
	if v.CallbackID == "" {
		v.CallbackID = old.CallbackID
	}
	if v.ExternalID == "" {
		v.ExternalID = old.ExternalID
	}
	v.ID, v.User, v.RootID, v.PreviousID = old.ID, old.User, old.RootID, old.PreviousID
	*old = *v
	s.touch()
}

func (s *Server) viewsOpen(a args) (obj, error) {
	v, err := s.readView(a.raw("view"), "modal")
	if err != nil {
		return nil, err
	}
	user, err := s.useTrigger(triggerOf(a))
	if err != nil {
		return nil, err
	}
	// A new modal takes the place of whatever this person had open.
	delete(s.views, user)
	if err := s.push(user, v); err != nil {
		return nil, err
	}
	return obj{"view": s.wireView(v)}, nil
}

func (s *Server) viewsPush(a args) (obj, error) {
	v, err := s.readView(a.raw("view"), "modal")
	if err != nil {
		return nil, err
	}
	user, err := s.useTrigger(triggerOf(a))
	if err != nil {
		return nil, err
	}
	if s.top(user) == nil {
		return nil, fail("invalid_trigger_id") // it did not come from a modal
	}
	if err := s.push(user, v); err != nil {
		return nil, err
	}
	return obj{"view": s.wireView(v)}, nil
}

func triggerOf(a args) string {
	if id := a.str("trigger_id"); id != "" {
		return id
	}
	return a.str("interactivity_pointer")
}

func (s *Server) viewsUpdate(a args) (obj, error) {
	v, err := s.readView(a.raw("view"), "modal")
	if err != nil {
		return nil, err
	}
	old := s.viewBy(a.str("view_id"), a.str("external_id"))
	if old == nil || old.Type != "modal" {
		return nil, fail("not_found")
	}
	if hash := a.str("hash"); hash != "" && hash != old.Hash {
		return nil, fail("hash_conflict")
	}
	s.replace(old, v)
	return obj{"view": s.wireView(old)}, nil
}

func (s *Server) viewsPublish(a args) (obj, error) {
	user := s.names.user(a.str("user_id"))
	if user == nil || user.Deleted {
		return nil, fail("invalid_arguments")
	}
	if s.opts.NoHome {
		return nil, fail("not_enabled")
	}
	v, err := s.readView(a.raw("view"), "home")
	if err != nil {
		return nil, err
	}
	old := s.homes[user.ID]
	if hash := a.str("hash"); hash != "" && old != nil && hash != old.Hash {
		return nil, fail("hash_conflict")
	}
	v.User, v.RootID = user.ID, v.ID
	if old != nil {
		v.ID, v.RootID = old.ID, old.ID
	}
	s.homes[user.ID] = v
	s.touch()
	return obj{"view": s.wireView(v)}, nil
}

// View returns the modal a person looks at.
func (s *Server) View(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.top(user); v != nil {
		return *v, true
	}
	return View{}, false
}

// Home returns the Home tab the app published for a person.
func (s *Server) Home(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.homes[user]; v != nil {
		return *v, true
	}
	return View{}, false
}
