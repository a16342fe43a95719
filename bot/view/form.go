package view

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// FormCallback is the callback_id of the form in which users are handed in.
const FormCallback = "users"

const (
	formVersion = "1"
	blockFile   = "file"
	blockNames  = "names"
	formAction  = "given"
	maxTitle    = 24   // Slack, modal views: title, submit and close
	maxMetadata = 3000 // Slack, modal views: private_metadata
	maxPasted   = 3000 // Slack, Block Kit, plain-text input element
)

// Form is the modal that asks for a list of users. Each of its two inputs is optional; ReadForm wants one of them.
func Form(f commands.Form) slack.ModalViewRequest {
	file := slack.NewInputBlock(blockFile, label("A file: CSV or Excel"),
		label("One user in each row; the column is found by its heading, such as User ID or E-mail. At most 10 MB."),
		slack.NewFileInputBlockElement(formAction).WithFileTypes("csv", "xlsx").WithMaxFiles(1))
	names := slack.NewInputBlock(blockNames, label("Or paste the users"), label("One on each line. A longer list goes into a file."),
		slack.NewPlainTextInputBlockElement(label("anna@contoso.com"), formAction).WithMultiline(true).WithMaxLength(maxPasted))
	file.Optional, names.Optional = true, true
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: FormCallback, PrivateMetadata: metadata(f),
		Title: slack.NewTextBlockObject(slack.PlainTextType, unmarked(f.Title, maxTitle), false, false), Submit: label("Preview"), Close: label("Close"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{section(paragraph(f.What, maxReason)), file, names}},
	}
}

func label(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// metadata travels with the modal and comes back from Slack with what was filled in.
func metadata(f commands.Form) string {
	data, err := json.Marshal([]string{formVersion, string(f.Refresh), f.Channel})
	if err != nil {
		return "" // strings always encode; ReadForm refuses the empty text
	}
	return string(data)
}

// Filled is a form as somebody sent it: a file, pasted names or both.
type Filled struct {
	Refresh refresh.ID
	Channel string
	File    *slack.File // nil: none was chosen
	Names   []string    // as pasted
}

// ReadForm reads a submitted form. Complaints are what the modal is to show, by block_id. An error means that this
// version of refreshbot did not make the form.
func ReadForm(v slack.View) (f Filled, complaints map[string]string, err error) {
	var parts []string
	switch {
	case v.CallbackID != FormCallback:
		return f, nil, fmt.Errorf("unknown form %q", v.CallbackID)
	case len(v.PrivateMetadata) > maxMetadata:
		return f, nil, fmt.Errorf("form with private_metadata of %d bytes", len(v.PrivateMetadata))
	}
	if err := json.Unmarshal([]byte(v.PrivateMetadata), &parts); err != nil {
		return f, nil, fmt.Errorf("read private_metadata: %w", err)
	}
	if len(parts) != 3 || parts[0] != formVersion || parts[1] == "" || parts[2] == "" {
		return f, nil, errors.New("private_metadata was not written by this version of refreshbot")
	}
	f.Refresh, f.Channel = refresh.ID(parts[1]), parts[2]
	if v.State == nil {
		return f, nil, errors.New("form without what was filled in")
	}
	if files := v.State.Values[blockFile][formAction].Files; len(files) > 0 {
		f.File = &files[0]
	}
	f.Names = pasted(v.State.Values[blockNames][formAction].Value)
	if f.File == nil && len(f.Names) == 0 {
		return f, map[string]string{blockNames: "Write at least one user here, or choose a file above."}, nil
	}
	return f, nil, nil
}

// Complaint is what the modal shows when a list of pasted names was not taken. What was typed stays.
func Complaint(r commands.Reply) map[string]string {
	return map[string]string{blockNames: unmarked(sentences(r.Text, r.Hint), maxReason)}
}

// pasted splits what was pasted. Users stand on lines of their own; commas, semicolons and tabs separate as well,
// since none of them can be in a user id or an address, and a name must not be lost.
func pasted(text string) []string {
	names := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\r\n\t,;", r) })
	for i, n := range names {
		names[i] = strings.TrimSpace(tidy(n, func(rune) bool { return false }))
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}
