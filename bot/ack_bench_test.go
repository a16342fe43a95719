package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/store/bolt/bolttest"
)

// BenchmarkEnvelope measures what a person waits for: a slash command goes in as an envelope, what it means is
// committed to a store on disk by the real engine, and its acknowledgement comes out, all over loopback. A refresh
// is asked for and called off in turn, while the bot runs and shows the others as it always does.
func BenchmarkEnvelope(b *testing.B) {
	w := newBench(b, func(w *bench, _ *slacksim.Options) { w.store = bolttest.Open(b) }).connected()
	var took []time.Duration
	for b.Loop() {
		line := "/refresh uat now"
		if len(took)%2 == 1 {
			line = "/refresh cancel uat"
		}
		ack := w.slash(line)
		if !ack.OK || strings.Contains(ack.Text, "Not done") {
			b.Fatalf("%s: %+v", line, ack)
		}
		took = append(took, ack.Took)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
}
