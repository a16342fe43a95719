package view

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"refreshbot/commands"
)

const (
	formVersion = "2"
	formAction  = "given" // of every input; the block says which. What tells at once has its id behind that
	maxTitle    = 24      // Slack, modal views: title, submit and close
	maxMetadata = 3000    // Slack, modal views: private_metadata
	maxInput    = 3000    // Slack, Block Kit, plain-text input element
	maxOption   = 75      // Slack, Block Kit, option object: text and description
	maxMenu     = 100     // Slack, Block Kit, select menu: options
	maxLabel    = 75      // Slack, Block Kit, button: text
	maxHint     = 300
)

// Form is a modal, whether something is filled in there or it only shows something.
func Form(f commands.Form, o Options) slack.ModalViewRequest {
	v := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: f.Name, PrivateMetadata: metadata(f),
		Title: plain(f.Title, maxTitle), Close: plain("Close", maxTitle),
	}
	if f.Submit != "" {
		v.Submit = plain(f.Submit, maxTitle)
	}
	p := pen{o: o}
	for _, part := range f.Parts {
		switch {
		case part.Text != "":
			v.Blocks.BlockSet = append(v.Blocks.BlockSet, section(paragraph(part.Text, maxReason)))
		case len(part.Facts) > 0:
			v.Blocks.BlockSet = append(v.Blocks.BlockSet, section(facted(p, part.Facts)))
		case part.Input != nil:
			v.Blocks.BlockSet = append(v.Blocks.BlockSet, input(*part.Input))
		case part.Plan != nil:
			v.Blocks.BlockSet = append(v.Blocks.BlockSet, plan(p, *part.Plan, maxModalPlan)...)
		}
	}
	return v
}

// facted is a list of facts, one on each line.
func facted(p pen, facts []commands.Fact) string {
	var lines []string
	for _, f := range facts {
		l := p.bold(line(f.Name, maxName)+":") + " "
		if f.Unknown {
			l += "not known. "
		}
		if !f.At.IsZero() {
			l += p.at(f.At)
			if f.Zoned {
				l += " (your time)"
			}
			l += ", "
		}
		lines = append(lines, l+factText(p, f))
	}
	return fit(lines, maxSection)
}

// factText is the text of a fact, and whom it names.
func factText(p pen, f commands.Fact) string {
	return factOf(f, p.prose(f.Text, 2*maxReason), p.person(f.Who), line(f.Why, maxReason))
}

// factOf joins what a fact says, each part as it is shown.
func factOf(f commands.Fact, text, who, why string) string {
	if f.Who.ID+f.Who.Name != "" {
		text = strings.TrimSpace(text + " " + who)
	}
	if f.Why != "" {
		text += ", because: " + why
	}
	return text
}

// input is one input. What tells at once stands in a block that is no input block: those tell only when asked to, and
// would need the form to be sent.
func input(in commands.Input) slack.Block {
	var e slack.BlockElement
	switch in.Kind {
	case commands.InputButton:
		b := slack.NewButtonBlockElement(formAction+":"+in.ID, in.ID, plain(in.Label, maxLabel))
		b.AccessibilityLabel = unmarked(in.Label+": "+in.Hint, maxLabel)
		return slack.NewSectionBlock(marked(paragraph(in.Hint, maxHint)), nil, slack.NewAccessory(b), slack.SectionBlockOptionBlockID(in.ID))
	case commands.InputMenu:
		action := formAction
		if in.Tells {
			action += ":" + in.ID
		}
		s := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, action, options(in)...)
		if in.Sample != "" {
			s.Placeholder = plain(in.Sample, maxLabel)
		}
		s.InitialOption = chosen(in, s.Options)
		if in.Tells {
			return slack.NewSectionBlock(marked(paragraph(in.Label, maxHint)), nil, slack.NewAccessory(s), slack.SectionBlockOptionBlockID(in.ID))
		}
		e = s
	case commands.InputOne:
		r := slack.NewRadioButtonsBlockElement(formAction, options(in)...)
		r.InitialOption = chosen(in, r.Options)
		e = r
	case commands.InputMany:
		e = slack.NewCheckboxGroupsBlockElement(formAction, options(in)...)
	case commands.InputClock:
		c := slack.NewTimePickerBlockElement(formAction)
		c.InitialTime = in.Initial
		e = c
	case commands.InputTime:
		d := slack.NewDateTimePickerBlockElement(formAction)
		if unix, err := strconv.ParseInt(in.Initial, 10, 64); err == nil {
			d.InitialDateTime = unix
		}
		e = d
	case commands.InputPerson:
		e = slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plain(cmp.Or(in.Sample, "Choose a person"), maxLabel), formAction)
	case commands.InputFile:
		e = slack.NewFileInputBlockElement(formAction).WithFileTypes("csv", "xlsx").WithMaxFiles(1)
	default:
		t := slack.NewPlainTextInputBlockElement(nil, formAction).WithMultiline(in.Kind == commands.InputLines).WithMaxLength(maxInput)
		if in.Most > 0 {
			t.MaxLength = min(in.Most, maxInput)
		}
		if in.Sample != "" {
			t.Placeholder = plain(in.Sample, 2*maxLabel)
		}
		t.InitialValue = in.Initial
		e = t
	}
	b := slack.NewInputBlock(in.ID, plain(in.Label, maxHint), nil, e)
	if in.Hint != "" {
		b.Hint = plain(in.Hint, maxHint)
	}
	b.Optional = in.Optional
	return b
}

func options(in commands.Input) []*slack.OptionBlockObject {
	var all []*slack.OptionBlockObject
	for _, c := range in.Choices[:min(len(in.Choices), maxMenu)] {
		o := slack.NewOptionBlockObject(c.Value, plain(c.Text, maxOption), nil)
		if c.More != "" {
			o.Description = plain(c.More, maxOption)
		}
		all = append(all, o)
	}
	return all
}

// chosen is the option that is chosen at first; nil for none.
func chosen(in commands.Input, all []*slack.OptionBlockObject) *slack.OptionBlockObject {
	for _, o := range all {
		if in.Initial != "" && o.Value == in.Initial {
			return o
		}
	}
	return nil
}

// metadata travels with the modal and comes back from Slack with what was filled in.
func metadata(f commands.Form) string {
	data, err := json.Marshal(append([]string{formVersion, f.Channel}, f.State...))
	if err != nil {
		return "" // strings always encode; ReadForm refuses the empty text
	}
	return string(data)
}

// ReadForm reads a form as somebody sent it, or as it was when something in it was pressed. The file, if one was chosen,
// is still at Slack. An error means that this version of refreshbot did not make the form.
func ReadForm(v slack.View) (f commands.Filled, file *slack.File, err error) {
	var parts []string
	if len(v.PrivateMetadata) > maxMetadata {
		return f, nil, fmt.Errorf("form with private_metadata of %d bytes", len(v.PrivateMetadata))
	}
	if err := json.Unmarshal([]byte(v.PrivateMetadata), &parts); err != nil {
		return f, nil, fmt.Errorf("read private_metadata: %w", err)
	}
	if len(parts) < 2 || parts[0] != formVersion {
		return f, nil, errors.New("private_metadata was not written by this version of refreshbot")
	}
	f = commands.Filled{Form: v.CallbackID, Channel: parts[1], State: parts[2:], Values: map[string]string{}}
	if v.State == nil {
		return f, nil, errors.New("form without what was filled in")
	}
	for id, actions := range v.State.Values {
		for _, a := range actions { // there is one
			if len(a.Files) > 0 {
				file = &a.Files[0]
			}
			if given := given(a); given != "" {
				f.Values[id] = given
			}
		}
	}
	return f, file, nil
}

// given is what an input holds.
func given(a slack.BlockAction) string {
	switch {
	case a.SelectedOption.Value != "":
		return a.SelectedOption.Value
	case len(a.SelectedOptions) > 0:
		var values []string
		for _, o := range a.SelectedOptions {
			values = append(values, o.Value)
		}
		return strings.Join(values, ",")
	case a.SelectedTime != "":
		return a.SelectedTime
	case a.SelectedUser != "":
		return a.SelectedUser
	case a.SelectedDateTime != 0:
		return strconv.FormatInt(a.SelectedDateTime, 10)
	}
	return a.Value
}

// Pressed adds to a form what was just pressed or chosen in it. False: it is none of ours.
func Pressed(f *commands.Filled, a slack.BlockAction) bool {
	if a.ActionID != formAction+":"+a.BlockID {
		return false
	}
	f.Pressed = a.BlockID
	if v := given(a); v != "" {
		f.Values[a.BlockID] = v
	}
	return true
}

// Complaints is what a form shows when it was not taken, by block. What was filled in stays. What is wrong with no
// input in particular stands at the last one: Slack has no other place.
func Complaints(r commands.Reply, v slack.View, o Options) map[string]string {
	wrong, last := map[string]string{}, ""
	for _, b := range v.Blocks.BlockSet {
		in, ok := b.(*slack.InputBlock)
		if !ok {
			continue
		}
		last = in.BlockID
		if text := r.Complaints[last]; text != "" {
			wrong[last] = unmarked(text, maxReason)
		}
	}
	if len(wrong) == 0 && last != "" {
		p := pen{o: o, plain: true}
		text := p.dated(r.Text)
		for _, f := range r.Blackouts {
			text = sentences(text, possible(p, f))
		}
		wrong[last] = unmarked(sentences(text, r.Hint), maxReason)
	}
	return wrong
}
