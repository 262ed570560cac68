// Package article1: the code of the article, `main` and loose statements given a name.
package article1

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func makeStream() (*nats.Conn, jetstream.JetStream) {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	// Create a stream that persists up to 7 days or 1GB
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:      "ORDERS",
		Subjects:  []string{"orders.>"},
		Retention: jetstream.LimitsPolicy,
		MaxAge:    7 * 24 * time.Hour,
		MaxBytes:  1 * 1024 * 1024 * 1024,
		Storage:   jetstream.FileStorage,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Stream created: %s\n", stream.CachedInfo().Config.Name)
	return nc, js
}

// Publisher
func publishOrder(js jetstream.JetStream, orderID string, payload []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ack, err := js.Publish(ctx, "orders.created", payload,
		jetstream.WithMsgID(orderID), // Deduplication key
	)
	if err != nil {
		return fmt.Errorf("publish failed: %w", err)
	}
	fmt.Printf("Published seq=%d, stream=%s\n", ack.Sequence, ack.Stream)
	return nil
}

// Consumer (pull-based, good for batch processing)
func startConsumer(js jetstream.JetStream) error {
	ctx := context.Background()
	consumer, err := js.CreateOrUpdateConsumer(ctx, "ORDERS", jetstream.ConsumerConfig{
		Name:          "order-processor",
		Durable:       "order-processor",
		AckPolicy:     jetstream.AckExplicitPolicy,
		MaxDeliver:    5,
		AckWait:       30 * time.Second,
		FilterSubject: "orders.created",
	})
	if err != nil {
		return err
	}
	for {
		msgs, err := consumer.Fetch(10, jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			if err == nats.ErrTimeout { // the article has jetstream.ErrTimeout, which does not exist
				continue // no messages, wait again
			}
			return err
		}
		for msg := range msgs.Messages() {
			if err := processOrder(msg.Data()); err != nil {
				msg.Nak() // Redeliver after AckWait expires
				continue
			}
			msg.Ack()
		}
	}
}

func configuration(ctx context.Context, js jetstream.JetStream) error {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:  "config",
		History: 10, // keep last 10 versions of each key
		TTL:     24 * time.Hour,
	})
	if err != nil {
		return err
	}
	// Watch for changes to any config key
	watcher, _ := kv.WatchAll(ctx)
	defer watcher.Stop()
	go func() {
		for entry := range watcher.Updates() {
			if entry == nil {
				continue // initial values delivered, now in watch mode
			}
			fmt.Printf("Config changed: %s = %s\n", entry.Key(), entry.Value())
			changes <- string(entry.Value())
		}
	}()
	// Write and read
	kv.Put(ctx, "feature.flags.new-checkout", []byte("true"))
	entry, _ := kv.Get(ctx, "feature.flags.new-checkout")
	fmt.Println(string(entry.Value()))
	return expectChange()
}
