package commands

import (
	"context"
	"errors"
	"fmt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// About is what there is to say of one refresh: what it waits for and, as a story, what it is and has done.
type About struct {
	Refresh refresh.Refresh
	Past    history.Past
	Story   bool
}

// why says what the refresh of an environment is waiting for.
func (s *Service) why(ctx context.Context, _ Line, words []string) (Reply, error) {
	t, err := s.target("why ", words)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	if err := nothingElse(words[1:], "Name one environment: /refresh why "+name); err != nil {
		return Reply{}, err
	}
	active, err := s.active(ctx, name)
	if err != nil {
		return Reply{}, err
	}
	if active != nil {
		return Reply{About: &About{Refresh: *active, Past: pastOf(ctx, s.Record, *active)}}, nil
	}
	rep := Reply{Text: fmt.Sprintf("No refresh of %s is running, so nothing is waited for.", name), Hint: fmt.Sprintf("/refresh %s asks for one.", name)}
	if recent, _ := s.Record.Recent(ctx, name, 1); len(recent) > 0 { // one that cannot be read is told of by status
		rep.About = &About{Refresh: recent[0]}
	}
	return rep, nil
}

// Explain says what a refresh is, what it has done and what it waits for.
func (s *Service) Explain(ctx context.Context, id refresh.ID) Reply {
	return reply(s.explain(ctx, id))
}

func (s *Service) explain(ctx context.Context, id refresh.ID) (Reply, error) {
	r, err := s.Record.Load(ctx, id)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "That refresh is not known here: its card comes from another installation of refreshbot."), "/refresh history lists those that are known."}
	case err != nil:
		return Reply{}, fmt.Errorf("read %s: %w", id, err)
	}
	return Reply{About: &About{Refresh: r, Past: pastOf(ctx, s.Record, r), Story: true}}, nil
}
