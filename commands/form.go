package commands

import (
	"context"
	"time"

	"refreshbot/jobs/refresh"
)

// Form asks a person for several things at once, or shows more than a message can. The chat system shows it; what
// comes back is a Filled.
type Form struct {
	Name    string   // which form it is
	State   []string // what has to come back with it, e.g. the id of a refresh; together no more than 2 kB
	Channel string   // where answers to it are shown; empty: in a direct message
	Title   string   // a few words
	Submit  string   // on the button that sends it, a few words; empty: it only shows something
	Parts   []Part   // from top to bottom
	Over    bool     // shown on top of the form that it came from, which stays as it is
}

// Part is one thing in a form: exactly one of its fields is set.
type Part struct {
	Text  string // a paragraph
	Facts []Fact
	Input *Input
	Plan  *Plan
}

// Fact is one line of what a person should know before they decide.
type Fact struct {
	Name    string
	Text    string
	At      time.Time // shown before the text, in the reader's own zone; zero: none
	Zoned   bool      // Text says At once more, in another time zone
	Unknown bool      // Text says why it is not known

	Who refresh.Person // named behind the text
	Why string         // a person's own words, behind that
}

// InputKind says what an input takes.
type InputKind string

// The kinds of input.
const (
	InputText   InputKind = "text"   // one line
	InputLines  InputKind = "lines"  // several lines
	InputOne    InputKind = "one"    // one of a few choices, all of them shown
	InputMenu   InputKind = "menu"   // one of up to a hundred choices
	InputMany   InputKind = "many"   // any of up to ten choices, all of them shown; the value has commas between them
	InputTime   InputKind = "time"   // a day and a time, in the person's own zone
	InputClock  InputKind = "clock"  // a time of day, as 15:04
	InputFile   InputKind = "file"   // a list of users, as CSV or Excel
	InputPerson InputKind = "person" // one person; its value is the id
	InputButton InputKind = "button" // pressed instead of filled in
)

// Input is one thing that a person fills in or presses.
type Input struct {
	ID       string // names the value in Filled
	Kind     InputKind
	Label    string
	Hint     string
	Sample   string // shown while nothing is filled in
	Initial  string // as it would stand in Filled.Values
	Choices  []Choice
	Most     int  // characters that a text may have; zero: as many as the chat system takes
	Optional bool // may be left empty
	Tells    bool // a choice is told at once, as Filled.Pressed
}

// Choice is one of those that an input offers.
type Choice struct {
	Value string
	Text  string
	More  string // a few words more; empty: none
}

// Filled is a form as somebody sent it. Key names the delivery, so that a second one changes nothing.
type Filled struct {
	Key       string
	User      refresh.Person
	Workspace string // from which it was sent
	Form      string
	State     []string
	Channel   string
	Pressed   string            // the input that was pressed, or chosen from and tells; empty: the form was sent
	Values    map[string]string // by the input's id; a time in Unix seconds; nothing for an input that was left empty
	File      *List             // what was in the file, when one was given
}

// List is a list of users from a file.
type List struct {
	From  string // the file's name
	Names []string
}

// Fill answers a form that was sent, or in which something was pressed. What it changes is committed when it returns.
// A Refused reply with Complaints leaves the form open.
func (s *Service) Fill(ctx context.Context, in Filled) Reply {
	for _, f := range forms() {
		if f.name == in.Form {
			return reply(f.fill(s, ctx, in))
		}
	}
	return Reply{Refused: true, Text: "That form is from another version of refreshbot.", Hint: "Send the command again for one that works."}
}

// forms is the table of forms: who takes what comes back.
func forms() []struct {
	name string
	fill func(*Service, context.Context, Filled) (Reply, error)
} {
	return []struct {
		name string
		fill func(*Service, context.Context, Filled) (Reply, error)
	}{
		{formUsers, (*Service).fillUsers},
		{formAsk, (*Service).fillAsk},
		{formSchedule, (*Service).fillSchedule},
		{formScheduleConfirm, (*Service).fillScheduleConfirm},
		{formReject, (*Service).fillReject},
		{formDelegate, (*Service).fillDelegate},
	}
}
