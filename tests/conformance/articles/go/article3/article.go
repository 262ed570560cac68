// Package article3: the code of the article, replicas 3 -> 1; `data` is declared once more for JetStream.
package article3

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func coreExample() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	// Simple pub/sub
	nc.Subscribe("orders.>", func(msg *nats.Msg) {
		fmt.Printf("Received on %s: %s\n", msg.Subject, string(msg.Data))
	})
	// Queue group subscription (load-balanced across group members)
	nc.QueueSubscribe("orders.placed", "order-processors", func(msg *nats.Msg) {
		fmt.Printf("Processing order: %s\n", string(msg.Data))
	})
	// Request-reply
	nc.Subscribe("orders.validate", func(msg *nats.Msg) {
		// Responder: validate the order and reply
		msg.Respond([]byte(`{"valid": true}`))
	})
	// Requester: send a request and wait for a reply
	resp, err := nc.Request("orders.validate",
		[]byte(`{"orderId": "ord-7829"}`),
		2*time.Second,
	)
	if err != nil {
		log.Fatalf("Request failed: %v", err)
	} else {
		fmt.Printf("Validation response: %s\n", string(resp.Data))
	}
	// Publish (fire-and-forget)
	order := map[string]interface{}{
		"orderId":     "ord-7829",
		"totalAmount": 149.99,
		"region":      "us-east-1",
	}
	data, _ = json.Marshal(order)
	nc.Publish("orders.placed", data)
}

// --- JetStream: Persistent Streams and Consumers ---
func jetStreamExample() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	// Create or update a stream
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:      "ORDERS",
		Subjects:  []string{"orders.>"},
		Storage:   jetstream.FileStorage,
		Replicas:  1,
		Retention: jetstream.LimitsPolicy,
		MaxAge:    7 * 24 * time.Hour,      // 7 days retention
		MaxBytes:  10 * 1024 * 1024 * 1024, // 10 GB
		Discard:   jetstream.DiscardOld,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Stream %s: %d messages\n", stream.CachedInfo().Config.Name,
		stream.CachedInfo().State.Msgs)
	// Publish with acknowledgement
	ack, err := js.Publish(ctx, "orders.placed", data,
		jetstream.WithMsgID("ord-7829-placed"), // For deduplication
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Published to stream %s, seq %d\n", ack.Stream, ack.Sequence)
	// Create a durable pull consumer
	consumer, err := js.CreateOrUpdateConsumer(ctx, "ORDERS", jetstream.ConsumerConfig{
		Durable:       "order-processor",
		AckPolicy:     jetstream.AckExplicitPolicy,
		FilterSubject: "orders.placed",
		MaxDeliver:    5, // Max redelivery attempts
		AckWait:       30 * time.Second,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		log.Fatal(err)
	}
	// Consume messages
	iter, err := consumer.Messages()
	if err != nil {
		log.Fatal(err)
	}
	// Graceful shutdown
	sigCh := make(chan os.Signal, 1)
	signal.Notify(sigCh, os.Interrupt)
	go func() {
		for {
			msg, err := iter.Next()
			if err != nil {
				log.Printf("Consumer error: %v", err)
				return
			}
			var order map[string]interface{}
			if err := json.Unmarshal(msg.Data(), &order); err != nil {
				log.Printf("Invalid message: %v", err)
				msg.Term() // Terminate — do not redeliver
				continue
			}
			fmt.Printf("Processing order %s (attempt %s)\n",
				order["orderId"],
				msg.Headers().Get("Nats-Num-Delivered"))
			if err := processOrder(order); err != nil {
				msg.Nak() // Negative ack — redeliver
			} else {
				msg.Ack() // Success
			}
		}
	}()
	<-sigCh
	iter.Stop()
	fmt.Println("Shut down gracefully")
}
