package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// legacy runs a check with the JetStream interface of the connection itself.
func legacy(check func(nats.JetStreamContext) error) func() error {
	return stored(func(_ context.Context, _ jetstream.JetStream, connection *nats.Conn) error {
		js, err := connection.JetStream(nats.MaxWait(wait))
		if err != nil {
			return err
		}
		return check(js)
	})
}

func legacyFill(js nats.JetStreamContext, config *nats.StreamConfig, count int) error {
	if _, err := js.AddStream(config); err != nil {
		return err
	}
	for i := range count {
		if _, err := js.PublishAsync(config.Subjects[0], []byte(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	select {
	case <-js.PublishAsyncComplete():
		return nil
	case <-time.After(wait):
		return errors.New("publishes are not acknowledged")
	}
}

func legacyStreams(js nats.JetStreamContext) error {
	config := &nats.StreamConfig{Name: "S", Subjects: []string{"s"}, Storage: nats.MemoryStorage, MaxMsgs: 10}
	if err := legacyFill(js, config, 15); err != nil {
		return err
	}
	if _, err := js.Publish("s", nil, nats.MsgId("1"), nats.ExpectLastSequence(3)); err == nil {
		return errors.New("a wrong expectation is accepted")
	}
	info, err := js.StreamInfo("S")
	if err != nil {
		return err
	}
	config.MaxMsgs = 5
	if _, err := js.UpdateStream(config); err != nil {
		return err
	}
	msg, err := js.GetMsg("S", 15)
	if err != nil {
		return err
	}
	_, missing := js.GetMsg("S", 10)
	_, unknown := js.StreamInfo("NONE")
	return errors.Join(same("messages", info.State.Msgs, 10), same("last", string(msg.Data), "14"),
		expectError("dropped", missing, nats.ErrMsgNotFound), expectError("unknown", unknown, nats.ErrStreamNotFound),
		js.PurgeStream("S"), js.DeleteStream("S"))
}

func legacyPush(js nats.JetStreamContext) error {
	if err := legacyFill(js, &nats.StreamConfig{Name: "S", Subjects: []string{"s"}}, 30); err != nil {
		return err
	}
	ordered, err := js.SubscribeSync("s", nats.OrderedConsumer())
	if err != nil {
		return err
	}
	for i := range 30 {
		msg, err := ordered.NextMsg(wait)
		if err != nil {
			return err
		}
		if err := same("in order", string(msg.Data), strconv.Itoa(i)); err != nil {
			return err
		}
	}
	shared := make(chan string, 100)
	for range 3 {
		if _, err := js.QueueSubscribe("s", "workers", func(msg *nats.Msg) {
			shared <- string(msg.Data)
			_ = msg.AckSync()
		}, nats.Durable("workers"), nats.ManualAck(), nats.AckExplicit()); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for len(seen) < 30 {
		select {
		case data := <-shared:
			if seen[data] {
				return fmt.Errorf("message %s twice", data)
			}
			seen[data] = true
		case <-time.After(wait):
			return fmt.Errorf("only %d messages", len(seen))
		}
	}
	return nil
}

func legacyPull(js nats.JetStreamContext) error {
	config := &nats.StreamConfig{Name: "S", Subjects: []string{"s"}, Retention: nats.WorkQueuePolicy}
	if err := legacyFill(js, config, 20); err != nil {
		return err
	}
	sub, err := js.PullSubscribe("s", "d", nats.BindStream("S"), nats.AckExplicit())
	if err != nil {
		return err
	}
	for taken := 0; taken < 20; {
		batch, err := sub.Fetch(7, nats.MaxWait(wait))
		if err != nil {
			return err
		}
		for _, msg := range batch {
			if err := errors.Join(same("fetched", string(msg.Data), strconv.Itoa(taken)), msg.InProgress(), msg.AckSync()); err != nil {
				return err
			}
			taken++
		}
		if taken == 14 {
			// The work queue is only as deep as what is left.
			info, err := js.StreamInfo("S")
			if err != nil {
				return err
			}
			if err := same("left", info.State.Msgs, 6); err != nil {
				return err
			}
			if _, err := sub.Fetch(6, nats.MaxWait(wait)); err != nil {
				return err
			}
			break
		}
	}
	_, err = sub.Fetch(1, nats.MaxWait(200*time.Millisecond))
	return expectError("nothing left", err, nats.ErrTimeout)
}

func legacyStores(js nats.JetStreamContext) error {
	kv, err := js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "b", History: 3})
	if err != nil {
		return err
	}
	for i := range 5 {
		if _, err := kv.PutString("k", strconv.Itoa(i)); err != nil {
			return err
		}
	}
	history, err := kv.History("k")
	if err != nil {
		return err
	}
	_, stale := kv.Update("k", nil, 1)
	if stale == nil {
		return errors.New("updated an old revision")
	}
	store, err := js.CreateObjectStore(&nats.ObjectStoreConfig{Bucket: "o"})
	if err != nil {
		return err
	}
	if _, err := store.PutString("name", "content"); err != nil {
		return err
	}
	text, err := store.GetString("name")
	if err != nil {
		return err
	}
	return errors.Join(same("history", len(history), 3), same("object", text, "content"), store.Delete("name"))
}
