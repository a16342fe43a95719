package demo

import (
	"net/http"
	"sync"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
)

// trouble is something that somebody at the page can break in the simulated cloud, to see what the bot makes of it.
type trouble struct {
	action       string // of its button
	begin, mend  string // what the button says
	where, state string // what the page shows while it lasts
	host, path   string
	fault        cloudsim.Fault
}

func everyTrouble() []trouble {
	return []trouble{
		{
			action: "trouble:copy", begin: "Let LCS refuse the copy", mend: "Let LCS copy again", where: "LCS", state: "refuses the copy",
			host: "lcs", path: "/databasemovement/v1/refresh/",
			fault: cloudsim.Fault{Times: -1, Method: http.MethodPost, IsSuccessFalse: "The sandbox is being serviced."},
		},
		{
			action: "trouble:groups", begin: "Take away a right in UAT", mend: "Give the right back", where: "Batch groups in UAT", state: "refused",
			host: "uat", path: "BatchGroups",
			fault: cloudsim.Fault{Times: -1, Method: http.MethodPost, Status: http.StatusForbidden},
		},
	}
}

// troubles are those that last.
type troubles struct {
	cloud *cloudsim.Cloud

	mu   sync.Mutex
	last map[string]bool // by their action
}

// press begins a trouble, or ends it. It reports whether the action is one.
func (t *troubles) press(action string) (ours bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cloud.ClearFaults()
	for _, one := range everyTrouble() {
		if one.action == action {
			ours = true
			t.last[action] = !t.last[action]
		}
		if t.last[one.action] {
			t.cloud.Fail(one.host, one.path, one.fault)
		}
	}
	return ours
}

// section offers them on the page.
func (t *troubles) section() slacksim.PanelSection {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := slacksim.PanelSection{Title: "Make trouble", Subtitle: "The card then offers retry, skip or abort."}
	for _, one := range everyTrouble() {
		label := one.begin
		if t.last[one.action] {
			label = one.mend
			s.Rows = append(s.Rows, slacksim.PanelRow{Label: one.where, Value: one.state, Tone: "bad"})
		}
		s.Buttons = append(s.Buttons, slacksim.PanelButton{Action: one.action, Label: label})
	}
	return s
}
