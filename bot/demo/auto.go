package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
)

// auto plays everybody in the simulated Slack and judges by what the simulated cloud holds afterwards.
func auto(ctx context.Context, o Options, slack *slacksim.Server, cloud *cloudsim.Cloud) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("the refresh did not end in time"))
	defer cancel()
	source, before := cloud.Snapshot("prod"), cloud.Snapshot("uat")
	played := play(ctx, slack)
	if _, err := fmt.Fprintln(o.Out, slack.Transcript(channel)); err != nil {
		return err
	}
	if played != nil {
		return played
	}
	if err := judge(source, before, cloud); err != nil {
		return fmt.Errorf("UAT did not end as it should:\n%w", err)
	}
	_, err := fmt.Fprintln(o.Out, "UAT holds production's data, its settings are its own again, and its users are in.")
	return err
}

// play is the story: Rita asks, may not approve her own request, Sam may not either, Anna does.
func play(ctx context.Context, slack *slacksim.Server) error {
	if ack, err := slack.Slash(ctx, rita, channel, "/refresh uat for March training"); err != nil || !ack.OK {
		return fmt.Errorf("/refresh uat: %s: %w", ack.Error, err)
	}
	pressed := map[string]bool{} // by who pressed and the button's value: one question each
	for _, p := range []struct {
		who    string
		action string
	}{{anna, "gate:approve"}, {anna, "gate:start_now"}, {ben, "gate:sign_off"}, {anna, "gate:sign_off"}, {ben, "gate:done"}, {ben, "gate:done"}, {anna, "gate:open"}} {
		card, err := offered(ctx, slack, p.who, p.action, pressed)
		if err != nil {
			return fmt.Errorf("waiting for the button %s: %w", p.action, err)
		}
		if p.action == "gate:approve" {
			for _, who := range []string{rita, sam} {
				if err := refused(ctx, slack, who, card, p.action); err != nil {
					return err
				}
			}
		}
		ack, err := slack.Click(ctx, p.who, channel, card, p.action)
		if err != nil {
			return fmt.Errorf("click %s: %w", p.action, err)
		}
		if !ack.OK {
			return fmt.Errorf("click %s: Slack says %s", p.action, ack.Error)
		}
	}
	if err := slack.Wait(ctx, func() bool {
		card, ok := theCard(slack)
		return ok && len(decisions(card)) == 0 && strings.Contains(card.Plain(), "users enabled") && announced(slack) && reported(slack)
	}); err != nil {
		return fmt.Errorf("waiting for the end: %w", err)
	}
	if err := slack.Wait(ctx, func() bool {
		return slices.ContainsFunc(slack.Messages(slack.DM(anna)), func(m slacksim.Message) bool { return strings.Contains(m.Plain(), "uat is open") })
	}); err != nil {
		return fmt.Errorf("waiting for Anna to be told that UAT is open: %w", err)
	}
	return toldUsers(ctx, slack)
}

// toldUsers waits until the people of UAT were told, in their channel, that it goes down, is down, answers, is open.
func toldUsers(ctx context.Context, slack *slacksim.Server) error {
	told := []string{"will be down from", "is down now", "answers again", "is open again"}
	var said []slacksim.Message
	if err := slack.Wait(ctx, func() bool {
		said = slack.Messages(floor)
		return len(said) > 0 && strings.Contains(said[len(said)-1].Plain(), told[len(told)-1])
	}); err != nil {
		return fmt.Errorf("waiting for the trainees to be told that UAT is open: %w", err)
	}
	for _, words := range told {
		n := 0
		for _, m := range said {
			if strings.Contains(m.Plain(), words) {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("the trainees were told %d times that uat %s, not once", n, words)
		}
	}
	return nil
}

// refused clicks as somebody who may not, and wants to be told so.
func refused(ctx context.Context, slack *slacksim.Server, who, card, action string) error {
	told := len(slack.Ephemerals(who))
	if _, err := slack.Click(ctx, who, channel, card, action); err != nil {
		return fmt.Errorf("click %s as %s: %w", action, who, err)
	}
	if err := slack.Wait(ctx, func() bool { return len(slack.Ephemerals(who)) > told }); err != nil {
		return fmt.Errorf("%s was not told that this is not theirs to decide: %w", who, err)
	}
	return nil
}

// offered waits until the card has a button that this person has not pressed yet, and notes that they are going to.
func offered(ctx context.Context, slack *slacksim.Server, who, action string, pressed map[string]bool) (card string, err error) {
	err = slack.Wait(ctx, func() bool {
		c, _ := theCard(slack)
		card = c.TS
		buttons := c.Buttons()
		i := slices.IndexFunc(buttons, func(b slacksim.Button) bool { return b.ActionID == action })
		if i < 0 || pressed[who+buttons[i].Value] {
			return false
		}
		pressed[who+buttons[i].Value] = true
		return true
	})
	return card, err
}

func theCard(slack *slacksim.Server) (slacksim.Message, bool) {
	for _, m := range slack.Messages(channel) {
		if m.ThreadTS == "" && len(m.Metadata) > 0 && !m.Ephemeral {
			return m, true
		}
	}
	return slacksim.Message{}, false
}

// announced reports whether the thread has said that the target is open, which is its last word.
func announced(slack *slacksim.Server) bool {
	return slices.ContainsFunc(slack.Messages(channel), func(m slacksim.Message) bool {
		return m.Broadcast && strings.Contains(m.Plain(), "uat is open")
	})
}

// reported reports whether the thread has the report, as a file.
func reported(slack *slacksim.Server) bool {
	return slices.ContainsFunc(slack.Messages(channel), func(m slacksim.Message) bool { return len(m.Files) > 0 })
}

func decisions(m slacksim.Message) []string {
	var actions []string
	for _, b := range m.Buttons() {
		if strings.HasPrefix(b.ActionID, "gate:") {
			actions = append(actions, b.ActionID)
		}
	}
	return actions
}

// judge compares the simulated target with what it was and with what the configuration asks for, without a word
// from the bot.
func judge(source, before cloudsim.Environment, cloud *cloudsim.Cloud) error {
	uat := cloud.Snapshot("uat")
	var wrong []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("  "+format, args...))
		}
	}
	want(cloud.Starts("uat") == 1, "LCS counted %d starts, not 1", cloud.Starts("uat"))
	want(uat.Online, "it is offline")
	want(uat.Operation.Status == "Completed", "LCS says %s", uat.Operation.Status)
	want(uat.SalesOrders == source.SalesOrders, "it has %d sales orders, production %d", uat.SalesOrders, source.SalesOrders)

	// Everything that was kept is as it was, as far as it still exists in production's data.
	want(uat.Email == before.Email, "e-mail parameters are %+v, they were %+v", uat.Email, before.Email)
	want(slices.Equal(groupsOf(uat), groupsOf(before)), "batch groups are %v, they were %v", groupsOf(uat), groupsOf(before))
	want(slices.Equal(appsOf(uat), appsOf(before)), "Entra applications are %v, they were %v", appsOf(uat), appsOf(before))
	waited := map[string]bool{}
	for _, j := range before.BatchJobs {
		waited[j.Description] = j.Status == "Waiting"
	}
	for _, j := range uat.BatchJobs {
		want((j.Status == "Waiting") == waited[j.Description], "batch job %q is %s", j.Description, j.Status)
	}
	for i, d := range uat.DocumentParameters {
		was := before.DocumentParameters[i]
		want(d == was, "document parameters of %s are %+v, they were %+v", d.Company, d, was)
	}
	let := map[string]bool{}
	for _, u := range before.Users {
		let[strings.ToLower(u.ID)] = u.Enabled
	}
	for _, name := range slices.Concat(usersToEnable(), trainees(), []string{"sam@contoso.com"}) {
		let[strings.ToLower(name)] = true
	}
	for _, u := range uat.Users {
		should := let[strings.ToLower(u.ID)] || let[strings.ToLower(u.Alias)]
		want(u.Enabled == should, "user %s: enabled is %v", u.ID, u.Enabled)
	}
	for _, r := range before.UserRoles {
		there := slices.ContainsFunc(uat.Users, func(u cloudsim.User) bool { return u.ID == r.UserID && u.ID != "Admin" && u.ID != "DBMovementAPI" })
		want(!there || slices.Contains(uat.UserRoles, r), "%s has lost the role %s", r.UserID, r.RoleName)
	}
	// What OData cannot reach went through the companion service.
	want(uat.HelpLibrary == helpLibrary, "LCS Help uses %q", uat.HelpLibrary)
	want(slices.ContainsFunc(uat.EntityStore, func(e cloudsim.EntityStoreRefresh) bool {
		return e.Entity == entityStore && e.At.After(uat.Operation.StartedAt)
	}), "the entity store was not refreshed")
	return errors.Join(wrong...)
}

func groupsOf(e cloudsim.Environment) []string {
	var all []string
	for _, g := range e.BatchGroups {
		if g.ServerID != "" {
			all = append(all, g.GroupID+" on "+g.ServerID)
		}
	}
	slices.Sort(all)
	return all
}

func appsOf(e cloudsim.Environment) []string {
	var all []string
	for _, c := range e.AADClients {
		all = append(all, c.Name+" as "+c.UserID)
	}
	slices.Sort(all)
	return all
}
