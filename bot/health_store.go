package bot

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refreshbot/jobs/refresh"
)

// keeping is what Health knows of the store. Health's lock guards it.
type keeping struct {
	store  string                // why nothing can be written
	backup string                // why the latest backup was not taken
	alone  []string              // refreshes that cannot be read
	stuck  map[refresh.ID]string // why a refresh does not move

	failures prometheus.Counter
	backups  *prometheus.CounterVec
	taken    prometheus.Gauge
	size     prometheus.Gauge
	damaged  prometheus.Gauge
	unmoved  prometheus.Gauge
}

func newKeeping(registry *prometheus.Registry) keeping {
	k := keeping{
		stuck:    map[refresh.ID]string{},
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "refreshbot_store_write_failures_total", Help: "Writes that the disk did not take."}),
		backups:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "refreshbot_backups_total", Help: "Backups of the store that were tried."}, []string{"result"}),
		taken:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "refreshbot_backup_taken_timestamp_seconds", Help: "When the newest backup was taken that was read again and is sound."}),
		size:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "refreshbot_backup_size_bytes", Help: "Size of that backup."}),
		damaged:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "refreshbot_refreshes_left_alone", Help: "Refreshes under way that cannot be read, and so do not move."}),
		unmoved:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "refreshbot_refreshes_stuck", Help: "Refreshes under way that have not moved for minutes, though they are tried."}),
	}
	k.backups.WithLabelValues("taken")
	k.backups.WithLabelValues("failed")
	registry.MustRegister(k.failures, k.backups, k.taken, k.size, k.damaged, k.unmoved)
	return k
}

// Stored says how a try to write the store went.
func (h *Health) Stored(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keeping.store = refresh.MessageOf(err)
	if err != nil {
		h.keeping.failures.Inc()
	}
}

// BackedUp says how a backup went, and reports whether that is news: the first failure after none, or the reverse.
func (h *Health) BackedUp(at time.Time, size int64, err error) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news = (err != nil) != (h.keeping.backup != "")
	h.keeping.backup = refresh.MessageOf(err)
	if err != nil {
		h.keeping.backups.WithLabelValues("failed").Inc()
		return news
	}
	h.keeping.backups.WithLabelValues("taken").Inc()
	h.keeping.taken.Set(float64(at.Unix()))
	h.keeping.size.Set(float64(size))
	return news
}

// leftAlone notes which refreshes cannot be read, and returns what is wrong with each; err may join several.
func (h *Health) leftAlone(err error) []string {
	var words []string
	var collect func(error)
	collect = func(err error) {
		if all, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range all.Unwrap() {
				collect(e)
			}
			return
		}
		if _, isOne := err.(*refresh.Error); !isOne { //nolint:errorlint // a wrapper is taken off, one at a time
			if one, ok := err.(interface{ Unwrap() error }); ok && one.Unwrap() != nil {
				collect(one.Unwrap())
				return
			}
		}
		words = append(words, refresh.MessageOf(err))
	}
	if err != nil {
		collect(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keeping.alone = words
	h.keeping.damaged.Set(float64(len(words)))
	return words
}

// stuck notes why a refresh does not move; with nil, that it does.
func (h *Health) stuck(id refresh.ID, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.keeping.stuck, id)
	if err != nil {
		h.keeping.stuck[id] = refresh.MessageOf(err)
	}
	h.keeping.unmoved.Set(float64(len(h.keeping.stuck)))
}
