package app

import (
	"refreshbot/bot"
	"refreshbot/bot/config"
	"refreshbot/bot/notice"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// targets turns the configuration into what can be asked for. A plan is made anew for each request from this
// template, so a running refresh keeps its own.
func targets(cfg *config.Config) (map[string]commands.Target, error) {
	all := map[string]commands.Target{}
	for _, e := range cfg.Targets() {
		plan, err := phases.Plan(e.Refresh.Recipe())
		if err != nil {
			return nil, err
		}
		source, _ := cfg.Environment(e.Refresh.From)
		all[e.Name] = commands.Target{
			Requesters: e.Refresh.Requesters,
			Request: refresh.Request{
				Source: remembered(source), Target: remembered(e), Channel: e.Refresh.Channel,
				Troubleshooters: e.Refresh.Approve.By, Plan: plan,
				Settings: refresh.Settings{
					Remind: &cfg.Reminders,
					Notice: e.Refresh.Notice, Downtime: e.Refresh.Downtime, Postpone: e.Refresh.Postpone,
					Settle: cfg.LCS.Settle, Retry: cfg.FinOps.Poll, Notify: e.Refresh.Users.Notify,
				},
			},
		}
	}
	return all, nil
}

func remembered(e *config.Environment) refresh.Environment {
	return refresh.Environment{Name: e.Name, URL: e.URL, LCS: e.LCSEnvironment}
}

// notices says who of the users hears about which environment.
func notices(cfg *config.Config) bot.Notices {
	n := bot.Notices{
		Speaker:   notice.Speaker{Texts: cfg.Texts, Quiet: cfg.QuietHours, Zone: cfg.TimeZone, Escape: view.Escape},
		Audiences: map[string][]notice.Audience{},
	}
	for _, e := range cfg.Targets() {
		n.Audiences[e.Name] = e.Refresh.Notify
	}
	return n
}

func sources(cfg *config.Config) []string {
	var names []string
	for _, e := range cfg.Environments {
		if e.Refresh == nil {
			names = append(names, e.Name)
		}
	}
	return names
}

// channels finds where a target is refreshed.
func channels(cfg *config.Config) func(target string) (string, bool) {
	return func(target string) (string, bool) {
		e, ok := cfg.Environment(target)
		if !ok || e.Refresh == nil {
			return "", false
		}
		return e.Refresh.Channel, true
	}
}

func entries(cfg *config.Config) []schedule.Entry {
	var list []schedule.Entry
	for _, e := range cfg.Targets() {
		if s := e.Refresh.Schedule; s != nil {
			list = append(list, schedule.Entry{
				Target: e.Name, Cron: s.Cron, Missed: s.Missed, Within: s.Within, Ask: s.Ask, Blackout: s.Blackout,
			})
		}
	}
	return list
}
