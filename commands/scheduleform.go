package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// The forms in which a schedule is made without cron: first the times, then what they come to.
const (
	formSchedule        = "schedule"         // its state is the target
	formScheduleConfirm = "schedule_confirm" // its state is the line that makes the schedule
)

const (
	inDays     = "days"
	inClock    = "clock"
	inZone     = "zone"
	inMissed   = "missed"
	inBlackout = "blackout"
)

func (s *Service) scheduleForm(ctx context.Context, user, channel string, t Target) *Form {
	name := t.Request.Target.Name
	var days, zones []Choice
	for d := time.Monday; d <= time.Saturday; d++ {
		days = append(days, Choice{Value: cronDay(d), Text: d.String()})
	}
	days = append(days, Choice{Value: cronDay(time.Sunday), Text: time.Sunday.String()})
	own := s.zoneOf(ctx, user).String()
	for _, z := range []string{own, s.Zone.String(), "UTC"} {
		if _, ok := zoneNamed(z); ok && !slices.ContainsFunc(zones, func(c Choice) bool { return c.Value == z }) {
			zones = append(zones, Choice{Value: z, Text: z})
		}
	}
	return &Form{
		Name: formSchedule, State: []string{name}, Channel: channel, Title: "Schedule " + name, Submit: "Show the times",
		Parts: []Part{
			{Text: fmt.Sprintf("%s is refreshed from %s at recurring times. Each refresh asks for approval %s before its time, and lapses if nobody gives it.", name, t.Request.Source.Name, refresh.Span(usualLead))},
			{Input: &Input{ID: inDays, Kind: InputMany, Label: "On which days", Choices: days}},
			{Input: &Input{ID: inClock, Kind: InputClock, Label: "At what time", Hint: "The copy begins then. The users are told before.", Initial: "20:00"}},
			{Input: &Input{ID: inZone, Kind: InputMenu, Label: "Of which time zone", Choices: zones, Initial: zones[0].Value}},
			{Input: &Input{ID: inMissed, Kind: InputOne, Label: "If refreshbot was down at that time", Initial: string(schedule.Skip), Choices: []Choice{
				{Value: string(schedule.Skip), Text: "Skip it"}, {Value: string(schedule.Once), Text: "Ask late, once"},
			}}},
			{Input: &Input{ID: inBlackout, Kind: InputOne, Label: "If it falls into a blackout", Initial: string(schedule.PassOver), Choices: []Choice{
				{Value: string(schedule.PassOver), Text: "Skip it"}, {Value: string(schedule.Postpone), Text: "Move it behind the blackout"},
			}}},
			{Input: &Input{ID: inReason, Kind: InputText, Label: "Reason", Hint: "Whoever approves sees it, and so does the channel.", Sample: "Fresh data on Monday", Most: maxWhy, Optional: true}},
		},
	}
}

func cronDay(d time.Weekday) string { return strings.ToUpper(d.String()[:3]) }

// fillSchedule reads the form and shows what it comes to.
func (s *Service) fillSchedule(ctx context.Context, in Filled) (Reply, error) {
	t, err := s.scheduler(ctx, in)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	wrong := map[string]string{}
	days := strings.Split(in.Values[inDays], ",")
	if in.Values[inDays] == "" {
		wrong[inDays] = "Choose at least one day."
	}
	clock, err := time.Parse("15:04", in.Values[inClock])
	if err != nil {
		wrong[inClock] = "Choose a time, from 00:00 to 23:59."
	}
	why := strings.Join(strings.Fields(in.Values[inReason]), " ")
	if long := tooLong(why); long != "" {
		wrong[inReason] = long
	}
	if len(wrong) > 0 {
		return Reply{Refused: true, Text: "Something in the form is not possible.", Complaints: wrong}, nil
	}
	weekdays := strings.Join(days, ",")
	if len(days) == 7 {
		weekdays = "*"
	}
	e := schedule.Entry{
		Target: name, Cron: fmt.Sprintf("%d %d * * %s", clock.Minute(), clock.Hour(), weekdays), Zone: in.Values[inZone],
		Missed: schedule.Missed(in.Values[inMissed]), Blackout: schedule.InBlackout(in.Values[inBlackout]), Ask: usualLead, Owner: in.User, Why: why,
	}
	// What the form gives is read like a line that was typed: there is one grammar, and one set of rules.
	line := lineOf(e)
	if _, err := s.entryOf(t, in.User, strings.Fields(line)[2:]); err != nil {
		return Reply{}, err
	}
	facts, err := s.proposed(ctx, e)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Form: &Form{
		Name: formScheduleConfirm, State: []string{name, line}, Channel: in.Channel, Title: "Schedule " + name, Submit: "Schedule it",
		Parts: []Part{{Text: fmt.Sprintf("%s would be refreshed at these times. Nothing is scheduled yet.", name)}, {Facts: facts}},
	}}, nil
}

// fillScheduleConfirm makes the schedule that was shown.
func (s *Service) fillScheduleConfirm(ctx context.Context, in Filled) (Reply, error) {
	t, err := s.scheduler(ctx, in)
	if err != nil {
		return Reply{}, err
	}
	if len(in.State) != 2 {
		return Reply{}, refresh.Errorf(refresh.Invalid, "The form does not say what is to be scheduled. Send the command again.")
	}
	words := strings.Fields(in.State[1])
	if len(words) < 3 {
		return Reply{}, refresh.Errorf(refresh.Invalid, "The form does not say what is to be scheduled. Send the command again.")
	}
	e, err := s.entryOf(t, in.User, words[2:])
	if err != nil {
		return Reply{}, err
	}
	return s.addSchedule(ctx, in.Key, e)
}

// scheduler is the target of a form of this person, if they may still ask for it.
func (s *Service) scheduler(ctx context.Context, in Filled) (Target, error) {
	if err := s.vouch(ctx, in.User, in.Workspace); err != nil {
		return Target{}, err
	}
	if len(in.State) == 0 {
		return Target{}, refresh.Errorf(refresh.Invalid, "The form does not say which environment it is for. Send the command again.")
	}
	t, ok := s.Targets[in.State[0]]
	if !ok {
		return Target{}, hinted{refresh.Errorf(refresh.NotFound, "The configuration has no target environment %s any more.", in.State[0]), "Send the command again."}
	}
	return t, s.mayAsk(ctx, Line{User: in.User, Channel: in.Channel}, t)
}
