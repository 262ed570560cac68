package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stored runs a check of JetStream on a fresh server with a store of its own.
func stored(check func(context.Context, jetstream.JetStream, *nats.Conn) error) func() error {
	return func() error {
		folder, err := os.MkdirTemp("", "petrel-natsgo-js-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		return with(storeIn(folder), func(_ *server, connection *nats.Conn) error {
			js, err := jetstream.New(connection)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*wait)
			defer cancel()
			return check(ctx, js, connection)
		})
	}
}

func storeIn(folder string) string { return fmt.Sprintf("jetstream { store_dir: %q }\n", folder) }

// same compares what a check saw with what it should have seen.
func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: %v instead of %v", what, got, want)
	}
	return nil
}

func expectError(what string, got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: %v instead of %v", what, got, want)
	}
	return nil
}

func makeStream(ctx context.Context, js jetstream.JetStream, name string, count int) (jetstream.Stream, error) {
	subject := strings.ToLower(name)
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject + ".>"}})
	for i := 0; i < count && err == nil; i++ {
		_, err = js.PublishAsync(fmt.Sprintf("%s.%d", subject, i%3), []byte(strconv.Itoa(i)))
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-js.PublishAsyncComplete():
		return stream, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func publishing(ctx context.Context, js jetstream.JetStream, _ *nats.Conn) error {
	if _, err := makeStream(ctx, js, "S", 50); err != nil {
		return err
	}
	first, err := js.Publish(ctx, "s.id", nil, jetstream.WithMsgID("1"), jetstream.WithExpectLastSequence(50))
	if err != nil {
		return err
	}
	again, err := js.Publish(ctx, "s.id", nil, jetstream.WithMsgID("1"))
	if err != nil {
		return err
	}
	if again.Sequence != first.Sequence || !again.Duplicate {
		return fmt.Errorf("a second message under one id: %+v", again)
	}
	_, err = js.Publish(ctx, "s.id", nil, jetstream.WithExpectLastSequencePerSubject(7))
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
		return fmt.Errorf("a wrong expectation: %v", err)
	}
	_, err = js.Publish(ctx, "nobody", nil)
	return expectError("a subject without a stream", err, jetstream.ErrNoStreamResponse)
}

func pulling(ctx context.Context, js jetstream.JetStream, _ *nats.Conn) error {
	stream, err := makeStream(ctx, js, "S", 60)
	if err != nil {
		return err
	}
	config := jetstream.ConsumerConfig{Durable: "d", AckPolicy: jetstream.AckExplicitPolicy}
	consumer, err := stream.CreateOrUpdateConsumer(ctx, config)
	if err != nil {
		return err
	}
	batch, err := consumer.Fetch(20, jetstream.FetchMaxWait(wait))
	if err != nil {
		return err
	}
	next := 0
	for msg := range batch.Messages() {
		if err := same("fetched", string(msg.Data()), strconv.Itoa(next)); err != nil {
			return err
		}
		next++
		if err := msg.DoubleAck(ctx); err != nil {
			return err
		}
	}
	rest := make(chan string, 60)
	consuming, err := consumer.Consume(func(msg jetstream.Msg) {
		_ = msg.Ack()
		rest <- string(msg.Data())
	})
	if err != nil {
		return err
	}
	defer consuming.Stop()
	for ; next < 60; next++ {
		select {
		case data := <-rest:
			if err := same("consumed", data, strconv.Itoa(next)); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("only %d messages", next)
		}
	}
	none, err := consumer.FetchNoWait(1)
	if err != nil {
		return err
	}
	for range none.Messages() {
		return errors.New("a message too many")
	}
	return nil
}

func redelivery(ctx context.Context, js jetstream.JetStream, connection *nats.Conn) error {
	stream, err := makeStream(ctx, js, "S", 3)
	if err != nil {
		return err
	}
	advisories, err := connection.SubscribeSync("$JS.EVENT.ADVISORY.CONSUMER.>")
	if err != nil {
		return err
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "d",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 300 * time.Millisecond, MaxDeliver: 2})
	if err != nil {
		return err
	}
	one := func() (jetstream.Msg, uint64, error) {
		msg, err := consumer.Next(jetstream.FetchMaxWait(wait))
		if err != nil {
			return nil, 0, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, 0, err
		}
		return msg, meta.NumDelivered, nil
	}
	first, _, err := one()
	if err != nil {
		return err
	}
	second, _, err := one()
	if err != nil {
		return err
	}
	if err := errors.Join(first.InProgress(), first.NakWithDelay(10*time.Millisecond), second.TermWithReason("poison")); err != nil {
		return err
	}
	again, count, err := one()
	for err == nil && string(again.Data()) != "0" {
		again, count, err = one() // the third one, not acknowledged
	}
	if err != nil {
		return err
	}
	if err := errors.Join(same("deliveries", count, 2), again.DoubleAck(ctx)); err != nil {
		return err
	}
	for wanted := []string{"TERMINATED", "MAX_DELIVERIES"}; len(wanted) > 0 && ctx.Err() == nil; {
		// The third message is given up only when it is asked for again.
		batch, err := consumer.FetchNoWait(1)
		if err != nil {
			return err
		}
		for range batch.Messages() {
		}
		advisory, err := advisories.NextMsg(100 * time.Millisecond)
		if err == nil {
			wanted = slices.DeleteFunc(wanted, func(kind string) bool { return strings.Contains(advisory.Subject, kind) })
		}
	}
	return ctx.Err()
}

func ordered(ctx context.Context, js jetstream.JetStream, _ *nats.Conn) error {
	stream, err := makeStream(ctx, js, "S", 500)
	if err != nil {
		return err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for i := range 500 {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if err := same("in order", string(msg.Data()), strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

func mirrorsAndSources(ctx context.Context, js jetstream.JetStream, _ *nats.Conn) error {
	if _, err := makeStream(ctx, js, "S", 20); err != nil {
		return err
	}
	mirror := jetstream.StreamConfig{Name: "M", Mirror: &jetstream.StreamSource{Name: "S"}, AllowDirect: true}
	source := jetstream.StreamConfig{Name: "A", Sources: []*jetstream.StreamSource{{Name: "S", FilterSubject: "s.1"}}}
	for _, config := range []jetstream.StreamConfig{mirror, source} {
		stream, err := js.CreateStream(ctx, config)
		if err != nil {
			return err
		}
		want := uint64(20)
		if config.Name == "A" {
			want = 7
		}
		for {
			info, err := stream.Info(ctx)
			if err != nil {
				return fmt.Errorf("%s does not follow: %w", config.Name, err)
			}
			if info.State.Msgs == want {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		msg, err := stream.GetLastMsgForSubject(ctx, "s.1")
		if err != nil {
			return err
		}
		if err := same("the last one", string(msg.Data), "19"); err != nil {
			return err
		}
	}
	return nil
}

func keyValue(ctx context.Context, js jetstream.JetStream, _ *nats.Conn) error {
	kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "conf", History: 5, LimitMarkerTTL: time.Second})
	if err != nil {
		return err
	}
	watcher, err := kv.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	change := func() (jetstream.KeyValueEntry, error) {
		for {
			select {
			case entry := <-watcher.Updates():
				if entry != nil { // nil: the initial values are over
					return entry, nil
				}
			case <-ctx.Done():
				return nil, errors.New("nothing more is watched")
			}
		}
	}
	revision, err := kv.Create(ctx, "a", []byte("1"))
	if err != nil {
		return err
	}
	if _, err := kv.Update(ctx, "a", []byte("2"), revision); err != nil {
		return err
	}
	if _, err := kv.Update(ctx, "a", []byte("3"), revision); err == nil {
		return errors.New("updated an old revision")
	}
	_, err = kv.Create(ctx, "a", nil)
	if err := expectError("created twice", err, jetstream.ErrKeyExists); err != nil {
		return err
	}
	for _, value := range []string{"1", "2"} {
		entry, err := change()
		if err != nil {
			return err
		}
		if err := same("watched", string(entry.Value()), value); err != nil {
			return err
		}
	}
	history, err := kv.History(ctx, "a")
	if err != nil {
		return err
	}
	if _, err := kv.Create(ctx, "brief", nil, jetstream.KeyTTL(time.Second)); err != nil {
		return err
	}
	if _, err := change(); err != nil {
		return err
	}
	gone, err := change()
	if err != nil {
		return err
	}
	_, missing := kv.Get(ctx, "brief")
	if err := errors.Join(same("history", len(history), 2), same("expired", gone.Operation(), jetstream.KeyValuePurge),
		expectError("expired", missing, jetstream.ErrKeyNotFound), kv.Delete(ctx, "a"), kv.Purge(ctx, "a")); err != nil {
		return err
	}
	if _, err = kv.Keys(ctx); !errors.Is(err, jetstream.ErrNoKeysFound) {
		return fmt.Errorf("keys are left: %v", err)
	}
	return js.DeleteKeyValue(ctx, "conf")
}

func objects(ctx context.Context, js jetstream.JetStream, _ *nats.Conn) error {
	store, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "files"})
	if err != nil {
		return err
	}
	watcher, err := store.Watch(ctx)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	content := bytes.Repeat([]byte("0123456789abcdef"), 40000)
	info, err := store.Put(ctx, jetstream.ObjectMeta{Name: "blob"}, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if _, err := store.AddLink(ctx, "link", info); err != nil {
		return err
	}
	object, err := store.Get(ctx, "link")
	if err != nil {
		return err
	}
	got, err := io.ReadAll(object)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, content) {
		return errors.New("another object came back")
	}
	for seen := 0; seen < 2; {
		if change := <-watcher.Updates(); change != nil {
			seen++
		}
	}
	all, err := store.List(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(same("objects", len(all), 2), store.Delete(ctx, "link"), store.Seal(ctx)); err != nil {
		return err
	}
	if _, err := store.PutString(ctx, "more", "x"); err == nil {
		return errors.New("a sealed store took an object")
	}
	return nil
}

// killed: what was acknowledged is there after kill -9, and the consumer goes on behind its acks.
func killed() error {
	folder, err := os.MkdirTemp("", "petrel-natsgo-js-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ctx, cancel := context.WithTimeout(context.Background(), 3*wait)
	defer cancel()
	session := func(use func(jetstream.JetStream) error) error {
		return with(storeIn(folder), func(_ *server, connection *nats.Conn) error {
			js, err := jetstream.New(connection)
			if err != nil {
				return err
			}
			return use(js)
		}, nats.NoReconnect())
	}
	take := func(consumer jetstream.Consumer, from, to int) error {
		batch, err := consumer.Fetch(to-from, jetstream.FetchMaxWait(wait))
		if err != nil {
			return err
		}
		for msg := range batch.Messages() {
			if err := errors.Join(same("message", string(msg.Data()), strconv.Itoa(from)), msg.DoubleAck(ctx)); err != nil {
				return err
			}
			from++
		}
		return same("messages up to", from, to)
	}
	if err := session(func(js jetstream.JetStream) error {
		stream, err := makeStream(ctx, js, "S", 100)
		if err != nil {
			return err
		}
		consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "d", AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			return err
		}
		return take(consumer, 0, 40)
	}); err != nil {
		return err
	}
	return session(func(js jetstream.JetStream) error {
		consumer, err := js.Consumer(ctx, "S", "d")
		if err != nil {
			return err
		}
		return take(consumer, 40, 100)
	})
}

var jetstreamChecks = []namedCheck{
	{"jetstream_publishing", stored(publishing)},
	{"jetstream_pulling", stored(pulling)},
	{"jetstream_redelivery", stored(redelivery)},
	{"jetstream_ordered", stored(ordered)},
	{"jetstream_mirrors_and_sources", stored(mirrorsAndSources)},
	{"jetstream_key_value", stored(keyValue)},
	{"jetstream_objects", stored(objects)},
	{"jetstream_kill", killed},
	{"legacy_streams", legacy(legacyStreams)},
	{"legacy_push", legacy(legacyPush)},
	{"legacy_pull", legacy(legacyPull)},
	{"legacy_key_value_and_objects", legacy(legacyStores)},
}
