package commands

import (
	"context"
	"fmt"
	"strings"

	"refreshbot/jobs/spell"
)

// help lists every command, or says more about one.
func (s *Service) help(_ context.Context, _ Line, words []string) (Reply, error) {
	if len(words) > 0 {
		topic := strings.ToLower(strings.TrimPrefix(words[0], "/"))
		if topic == "refresh" && len(words) > 1 { // as the lines of the list are written
			topic = strings.ToLower(words[1])
		}
		if v, ok := s.topic(topic); ok {
			return s.helpFor(v), nil
		}
		rep := s.helpAll()
		rep.Text = fmt.Sprintf("There is no command %q. These are the commands there are.", words[0])
		var names []string
		for _, v := range verbs()[1:] {
			names = append(names, v.name)
		}
		if near, ok := spell.Nearest(topic, names); ok {
			rep.Hint = fmt.Sprintf("Did you mean /refresh help %s? %s", near, rep.Hint)
		}
		return rep, nil
	}
	return s.helpAll(), nil
}

func (s *Service) helpAll() Reply {
	rep := Reply{Text: "refreshbot copies a recent production database into a sandbox and prepares it for the people who work there."}
	if len(s.names) > 0 {
		rep.Hint = "Environments that can be refreshed: " + strings.Join(s.names, ", ") + ". /refresh help <command> says more about one."
	}
	for _, v := range verbs() {
		rep.Help = append(rep.Help, v.usage)
	}
	return rep
}

// topic finds what help is wanted about. An environment stands for the command that asks for its refresh.
func (s *Service) topic(word string) (verb, bool) {
	for _, v := range verbs() {
		if v.name == word && word != "" {
			return v, true
		}
	}
	_, ok := s.knownName(word)
	return verbs()[0], ok || word == "<environment>" || word == "environment"
}

func (s *Service) helpFor(v verb) Reply {
	rep := Reply{Text: strings.ToUpper(v.usage.What[:1]) + v.usage.What[1:] + ".", Help: []Usage{{Form: v.usage.Form, What: "is how it is written", Example: v.usage.Example}}}
	rep.Help = append(rep.Help, examples()[v.name]...)
	rep.Hint = "/refresh help lists every command."
	return rep
}

// examples are what a command can do beyond the example in the list of all.
func examples() map[string][]Usage {
	return map[string][]Usage{
		"": {
			{Form: "/refresh uat because the month ended", What: "gives the reason, which the approver sees"},
		},
		"status": {
			{Form: "/refresh status", What: "shows every environment"},
		},
		"cancel": {
			{Form: "/refresh cancel uat because the training moved", What: "tells everybody why"},
		},
		"schedule": {
			{Form: "/refresh schedule uat", What: "opens a form, for who does not write cron"},
			{Form: `/refresh schedule uat "30 6 1 * *" Europe/Copenhagen`, What: "names the time zone of the times"},
			{Form: `/refresh schedule uat "0 20 * * FRI" ask 24h`, What: "asks for approval a day before"},
			{Form: `/refresh schedule uat "0 20 * * FRI" missed once within 2h`, What: "asks late, once, if refreshbot was down at the time and it is no more than 2 hours ago"},
			{Form: `/refresh schedule uat "0 20 * * FRI" blackout postpone`, What: "moves a time in a blackout behind it instead of skipping it"},
			{Form: "/refresh schedule uat.1 pause", What: "pauses the schedule of that id; likewise resume, skip next and remove"},
		},
		"schedules": {
			{Form: "/refresh schedules", What: "shows those of every environment"},
		},
		"freeze": {
			{Form: "/refresh freeze uat from monday 08:00 until friday 16:30 because training", What: "freezes later"},
		},
		"history": {
			{Form: "/refresh history", What: "shows the newest refreshes of every environment"},
			{Form: "/refresh history uat failed", What: "shows those that failed; likewise done, cancelled, rejected, expired and running"},
			{Form: "/refresh history by me", What: "shows those that you asked for or decided about; by @rita those of Rita"},
			{Form: "/refresh history uat 2026-11 page 2", What: "shows the second page of those that were asked for in November 2026"},
		},
		"why": {
			{Form: "/refresh why uat", What: "answers what it is waiting for, since when, who can act, and what happens if nobody does"},
		},
		"help": {
			{Form: "/refresh help cancel", What: "says more about one command"},
		},
	}
}
