package refresh_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestUsersInAreThoseTheLastLookSawEnabled(t *testing.T) {
	t.Parallel()
	look := refresh.Step{Spec: refresh.Spec{Kind: refresh.KindVerify}, Status: refresh.Completed, Findings: []refresh.Finding{
		{OK: true, Name: "CARLA (carla@contoso.com)"}, {OK: true, Name: "ADMIN"}, {OK: true, Name: "dan@contoso.com"},
		{Name: "HUGO (hugo@contoso.com)", Detail: "is not enabled"}, {OK: true, Name: "ODD ("}, {OK: true, Name: ""},
	}}
	r := refresh.Refresh{Steps: []refresh.Step{{Spec: refresh.Spec{Kind: refresh.KindSmoke}, Status: refresh.Completed, Findings: []refresh.Finding{{OK: true, Name: "uat answers"}}}, look}}
	in, wrong := r.UsersIn()
	want := []refresh.UserIn{{ID: "CARLA", SignIn: "carla@contoso.com"}, {ID: "ADMIN"}, {ID: "dan@contoso.com", SignIn: "dan@contoso.com"}, {ID: "ODD ("}, {}}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Errorf("in (-want +got):\n%s", diff)
	}
	if len(wrong) != 1 {
		t.Errorf("wrong: %v", wrong)
	}
	r.Steps[1].Status = refresh.Retrying
	if in, _ := r.UsersIn(); in != nil {
		t.Errorf("users are in before the look is over: %v", in)
	}
}
