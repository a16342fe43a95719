package slacksim

import (
	"encoding/json"
	"log/slog"
	"strings"
	"time"
	"unicode"
)

// Options says which workspace to play. The zero value works: an empty workspace on a free port.
type Options struct {
	Addr      string // "127.0.0.1:0" when empty
	Workspace string // "Contoso" when empty

	BotToken, AppToken string   // generated when empty
	Scopes             []string // bot scopes; DefaultScopes() when nil
	BotName            string   // "refreshbot" when empty

	Commands   []Command // one bare /refresh when nil
	Shortcuts  []Shortcut
	Users      []User
	Channels   []Channel
	UserGroups []UserGroup
	// Events are the bot events the app subscribes to, as in the manifest: app_home_opened,
	// app_mention, message.channels, message.im. Only app_home_opened when nil.
	Events []string
	NoHome bool // the app's manifest does not switch its Home tab on

	// Panel supplies what the page shows beside the conversation. It is called about twice a second
	// while somebody watches the page, never with the server's lock held.
	Panel func() []PanelSection
	// Pressed is called when somebody presses a button of the panel.
	Pressed func(action string)

	AckTimeout   time.Duration // how long the app has to ack an envelope; 3 s when zero
	NoRateLimits bool          // switches off the simulator's own limits; Fail still answers 429 on demand
	Logger       *slog.Logger  // may be nil
}

// Command is one slash command of the app's manifest.
type Command struct {
	Command, Description, UsageHint string
	Examples                        []string
	ShouldEscape                    bool // @name, @group and #channel arrive as <@U…|name>, <!subteam^S…|@handle>, <#C…|name>
}

// User is one person of the workspace.
type User struct {
	ID, Name, RealName, Title, Email string
	TZ                               string // IANA name; UTC when empty
	Pick                             bool   // the page may act as this person
	Deleted                          bool   // deactivated
	Guest, OneChannel                bool   // a guest, in several channels or in one
	App                              bool   // not a person
	Team                             string // id of another workspace, for who is here through a shared channel
	Stranger                         bool   // of another workspace, and in no channel that the app sees
}

// Channel is one conversation. A direct conversation with the app exists for every person from the start.
type Channel struct {
	ID, Name, Topic string
	Members         []string // user ids; every person who is not deleted when nil
	BotMember       bool
	Private         bool
	Archived        bool
}

// UserGroup is a group that can be mentioned.
type UserGroup struct {
	ID, Handle, Name string
	Users            []string
}

// PanelSection is one box beside the conversation on the page.
type PanelSection struct {
	Title    string        `json:"title"`
	Subtitle string        `json:"subtitle"`
	Tone     string        `json:"tone"`   // ok, warn, down
	Status   string        `json:"status"` // nothing is shown for ""
	Banner   string        `json:"banner"`
	Rows     []PanelRow    `json:"rows"`
	Buttons  []PanelButton `json:"buttons"`
}

// PanelButton does something beside Slack, such as on a page of Microsoft's.
type PanelButton struct {
	Action string `json:"action"` // what Options.Pressed is given
	Label  string `json:"label"`
}

// PanelRow is one line of a PanelSection.
type PanelRow struct {
	Label  string   `json:"label"`
	Value  string   `json:"value"`
	Tone   string   `json:"tone"` // "", ok, warn, bad
	Detail []string `json:"detail"`
}

// DefaultScopes are the bot scopes of an app that posts, reads its channels and looks up people.
// chat:write.public is left out on purpose, so that posting into a channel the bot has not joined fails.
func DefaultScopes() []string {
	return []string{
		"app_mentions:read", "channels:history", "channels:read", "chat:write", "commands",
		"files:read", "files:write", "groups:history", "groups:read", "im:history", "im:read",
		"im:write", "mpim:read", "usergroups:read", "users:read", "users:read.email",
	}
}

// tuning holds the times a test of this package shortens.
type tuning struct {
	now          func() time.Time
	pingEvery    time.Duration    // Slack pings about every 10 s
	eventRetries [3]time.Duration // waits before each redelivery of an event nobody acked
	triggerLife  time.Duration
	responseLife time.Duration
	warnGrace    time.Duration // between disconnect "warning" and the close
	closeGrace   time.Duration // how long a client may take to answer any other disconnect
}

func defaultTuning() tuning {
	return tuning{
		now:          time.Now,
		pingEvery:    8 * time.Second,
		eventRetries: [3]time.Duration{0, time.Minute, 5 * time.Minute},
		triggerLife:  3 * time.Second,
		responseLife: 30 * time.Minute,
		warnGrace:    10 * time.Second,
		closeGrace:   2 * time.Second,
	}
}

func (o *Options) fillIn() {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&o.Workspace, "Contoso")
	set(&o.BotName, "refreshbot")
	set(&o.BotToken, "xoxb-sim-"+randomID(20))
	set(&o.AppToken, "xapp-sim-"+randomID(20))
	if o.Scopes == nil {
		o.Scopes = DefaultScopes()
	}
	if o.Commands == nil {
		o.Commands = []Command{{Command: "/refresh"}}
	}
	if o.Events == nil {
		o.Events = []string{"app_home_opened"}
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = 3 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for i := range o.Users {
		u := &o.Users[i]
		set(&u.ID, idFrom("U", u.Name))
		set(&u.Name, strings.ToLower(u.ID))
		set(&u.RealName, u.Name)
		set(&u.TZ, "UTC")
	}
	for i := range o.Channels {
		c := &o.Channels[i]
		set(&c.ID, idFrom("C", c.Name))
		set(&c.Name, strings.ToLower(c.ID))
	}
	for i := range o.UserGroups {
		g := &o.UserGroups[i]
		set(&g.ID, idFrom("S", g.Handle))
		set(&g.Handle, strings.ToLower(g.ID))
		set(&g.Name, g.Handle)
	}
}

// idFrom makes a Slack-looking id of a name: "uat-refresh" becomes CUATREFRESH.
func idFrom(prefix, name string) string {
	return prefix + strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || (!unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return -1
		}
		return unicode.ToUpper(r)
	}, name)
}

// obj is one JSON object on the wire.
type obj = map[string]any

// toJSON encodes without HTML escaping, as Slack does.
func toJSON(v any) json.RawMessage {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("slacksim: encode " + err.Error()) // only our own maps and decoded JSON come here
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n"))
}
