package bot

import (
	"errors"
	"strings"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
)

// refusal returns the name of the error that Slack answered with, "" when it did not answer or err is nil.
func refusal(err error) string {
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return refused.Err
	}
	return ""
}

// kind is what an error of Slack's means for what was to be shown.
type kind int

const (
	passing        kind = iota // tried again, more and more seldom
	cardGone                   // the card is not there, or cannot be edited any more
	notThere                   // the thread is not there: perhaps the card is gone
	channelRefused             // the channel takes no posts
	contentRefused             // Slack does not take what the message looks like
)

// kindOf sorts the errors of chat.postMessage, chat.update and files.completeUploadExternal (their method pages).
func kindOf(err error) kind {
	switch refusal(err) {
	case "message_not_found", "cant_update_message", "edit_window_closed":
		return cardGone
	case "thread_not_found":
		return notThere
	case "is_archived", "channel_not_found", "not_in_channel", "channel_is_archived", "restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "posting_to_channel_denied", "posting_to_general_channel_denied":
		return channelRefused
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "block_mismatch", "invalid_attachments",
		"markdown_text_conflict", "metadata_too_large", "invalid_metadata_format", "invalid_metadata_schema":
		return contentRefused
	}
	return passing
}

// unauthorized reports whether Slack does not accept the token, so that nothing at all can be shown.
func unauthorized(err error) bool {
	switch refusal(err) {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type":
		return true
	}
	return false
}

// SlackProblem says in a sentence what is wrong with Slack and what to do about it. It returns "" for nil.
func SlackProblem(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, errDefect) {
		return "A defect in refreshbot: the log of the process has the details. It is tried again."
	}
	switch code := refusal(err); code {
	case "invalid_auth", "not_authed":
		return "Slack does not accept the token: copy it again from the app's page (bot token under OAuth & Permissions, app token under Basic Information)."
	case "token_revoked", "token_expired", "account_inactive":
		return "The Slack token is no longer valid: reinstall the app and put the new token into the configuration."
	case "not_allowed_token_type":
		return "The wrong kind of Slack token: app_token begins with xapp-, bot_token with xoxb-."
	case "missing_scope":
		refused, _ := errors.AsType[slack.SlackErrorResponse](err)
		return "A Slack scope is missing: " + refused.Needed + ". Update the app from manifest.yml and reinstall it."
	case "not_in_channel":
		return "The bot is not in the channel: invite it there with /invite."
	case "channel_not_found":
		return "Slack knows no such channel, or it is private and the bot is not in it: check channel in the configuration, and invite the bot with /invite."
	case "is_archived", "channel_is_archived":
		return "The channel is archived: unarchive it, or name another one in the configuration."
	case "":
		if strings.Contains(err.Error(), "link_disabled") {
			return "Socket Mode is switched off for the app: switch it on in the app's settings."
		}
		return "No connection to Slack: " + redact.Text(err.Error()) + ". Check that this machine reaches slack.com, through its proxy if it needs one."
	default:
		return "Slack refuses: " + code + ". Ask an admin of the Slack workspace whether the app may do this; docs.slack.dev explains the code."
	}
}
