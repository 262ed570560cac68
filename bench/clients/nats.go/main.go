// Rates that a user of the official Go client sees: one idiom of JetStream against one running
// server, printed as one line of JSON. Run by ../run.py.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"
)

const payloadBytes = 128

var (
	url     = flag.String("url", "nats://127.0.0.1:4222", "server")
	pid     = flag.Int("pid", 0, "process of the server")
	work    = flag.String("work", "", "idiom")
	seconds = flag.Float64("seconds", 1, "length of what goes by time")
	count   = flag.Int("count", 100_000, "messages of what goes by number")
)

type bench struct {
	ctx     context.Context
	js      jetstream.JetStream
	payload []byte
}

type result struct {
	Count       int   `json:"count"`
	ElapsedNs   int64 `json:"elapsed_ns"`
	ServerCPUNs int64 `json:"server_cpu_ns"`
}

// The clock of another process: user and system time of all its threads.
func cpuNs() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(int32(^*pid<<3|2), &now); err != nil {
		return 0
	}
	return now.Nano()
}

// Measures step until the time is over; it returns how many it did.
func (b *bench) byTime(step func() (int, error)) (result, error) {
	length := time.Duration(*seconds * float64(time.Second))
	cpu, start, done := cpuNs(), time.Now(), 0
	for time.Since(start) < length {
		n, err := step()
		if err != nil {
			return result{}, err
		}
		done += n
	}
	return result{done, time.Since(start).Nanoseconds(), cpuNs() - cpu}, nil
}

// Measures run, which does -count of them.
func (b *bench) byNumber(run func() error) (result, error) {
	cpu, start := cpuNs(), time.Now()
	if err := run(); err != nil {
		return result{}, err
	}
	return result{*count, time.Since(start).Nanoseconds(), cpuNs() - cpu}, nil
}

func (b *bench) stream() (jetstream.Stream, error) {
	return b.js.CreateStream(b.ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"bench"}})
}

func (b *bench) publishSync() (result, error) {
	if _, err := b.stream(); err != nil {
		return result{}, err
	}
	return b.byTime(func() (int, error) {
		_, err := b.js.Publish(b.ctx, "bench", b.payload)
		return 1, err
	})
}

func (b *bench) publishMany(total int) error {
	for i := 0; i < total; i++ {
		if _, err := b.js.PublishAsync("bench", b.payload); err != nil {
			return err
		}
	}
	select {
	case <-b.js.PublishAsyncComplete():
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("acknowledgements are missing")
	}
}

func (b *bench) publishAsync() (result, error) {
	s, err := b.stream()
	if err != nil {
		return result{}, err
	}
	measured, err := b.byNumber(func() error { return b.publishMany(*count) })
	if err != nil {
		return measured, err
	}
	info, err := s.Info(b.ctx)
	if err == nil && info.State.Msgs != uint64(*count) {
		err = fmt.Errorf("%d messages of %d", info.State.Msgs, *count)
	}
	return measured, err
}

func (b *bench) filled() (jetstream.Stream, error) {
	s, err := b.stream()
	if err != nil {
		return nil, err
	}
	return s, b.publishMany(*count)
}

func (b *bench) consumer() (jetstream.Consumer, error) {
	s, err := b.filled()
	if err != nil {
		return nil, err
	}
	return s.CreateConsumer(b.ctx, jetstream.ConsumerConfig{
		Durable: "C", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 10_000})
}

func (b *bench) fetch() (result, error) {
	c, err := b.consumer()
	if err != nil {
		return result{}, err
	}
	return b.byNumber(func() error {
		for got := 0; got < *count; {
			batch, err := c.Fetch(min(500, *count-got))
			if err != nil {
				return err
			}
			for message := range batch.Messages() {
				got++
				if err := message.Ack(); err != nil {
					return err
				}
			}
			if batch.Error() != nil {
				return batch.Error()
			}
		}
		return nil
	})
}

func (b *bench) drain(c jetstream.Consumer, withAck bool) error {
	done, got := make(chan error, 1), 0
	running, err := c.Consume(func(message jetstream.Msg) {
		if withAck {
			if err := message.Ack(); err != nil {
				done <- err
			}
		}
		if got++; got == *count {
			done <- nil
		}
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	select {
	case err := <-done:
		return err
	case <-time.After(60 * time.Second):
		return fmt.Errorf("%d deliveries of %d", got, *count)
	}
}

func (b *bench) consume() (result, error) {
	c, err := b.consumer()
	if err != nil {
		return result{}, err
	}
	return b.byNumber(func() error { return b.drain(c, true) })
}

func (b *bench) ordered() (result, error) {
	s, err := b.filled()
	if err != nil {
		return result{}, err
	}
	return b.byNumber(func() error {
		c, err := s.OrderedConsumer(b.ctx, jetstream.OrderedConsumerConfig{})
		if err != nil {
			return err
		}
		return b.drain(c, false)
	})
}

func (b *bench) bucket() (jetstream.KeyValue, []string, error) {
	kv, err := b.js.CreateKeyValue(b.ctx, jetstream.KeyValueConfig{Bucket: "b"})
	if err != nil {
		return nil, nil, err
	}
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("key.%03d", i*617%len(keys))
	}
	return kv, keys, nil
}

func (b *bench) kvPut() (result, error) {
	kv, keys, err := b.bucket()
	if err != nil {
		return result{}, err
	}
	i := 0
	return b.byTime(func() (int, error) {
		i++
		_, err := kv.Put(b.ctx, keys[i%len(keys)], b.payload)
		return 1, err
	})
}

func (b *bench) kvGet() (result, error) {
	kv, keys, err := b.bucket()
	if err != nil {
		return result{}, err
	}
	for _, key := range keys {
		if _, err := kv.Put(b.ctx, key, b.payload); err != nil {
			return result{}, err
		}
	}
	i := 0
	return b.byTime(func() (int, error) {
		i++
		_, err := kv.Get(b.ctx, keys[i%len(keys)])
		return 1, err
	})
}

func run() error {
	nc, err := nats.Connect(*url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	b := &bench{ctx, js, make([]byte, payloadBytes)}
	works := map[string]func() (result, error){
		"publish-sync": b.publishSync, "publish-async": b.publishAsync, "fetch": b.fetch,
		"consume": b.consume, "ordered": b.ordered, "kv-put": b.kvPut, "kv-get": b.kvGet}
	measure, known := works[*work]
	if !known {
		return fmt.Errorf("unknown work %q", *work)
	}
	measured, err := measure()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured)
}

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
