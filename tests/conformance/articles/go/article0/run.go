package article0

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

var (
	orders    = make(chan string, 100)
	isRefused bool
)

// processOrder fails once.
func processOrder(data []byte) error {
	if !isRefused {
		isRefused = true
		return errors.New("not yet")
	}
	orders <- string(data)
	return nil
}

func runExpensiveOperation([]byte) error { return nil }

// Run does what the article describes: publish twice under one id, process, go on with four workers.
func Run() error {
	nc, js := client()
	defer nc.Drain()
	_, err := js.AddStream(&nats.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"},
		Retention: nats.LimitsPolicy, Storage: nats.FileStorage, Replicas: 1, MaxAge: 24 * time.Hour})
	if err != nil {
		return err
	}
	for _, id := range []string{"ORD-1", "ORD-1", "ORD-2"} {
		if err := publishOrder(js, id, []byte(id)); err != nil {
			return err
		}
	}
	go startConsumer(js)
	seen := map[string]int{}
	for len(seen) < 2 {
		select {
		case order := <-orders:
			seen[order]++
		case <-time.After(20 * time.Second):
			return fmt.Errorf("only %v was processed", seen)
		}
	}
	sub, err := js.SubscribeSync("orders.created", nats.AckExplicit())
	if err != nil {
		return err
	}
	msg, err := sub.NextMsg(10 * time.Second)
	if err != nil {
		return err
	}
	processWithHeartbeat(msg)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	go scaling(ctx)
	for i := range 20 {
		if _, err := js.PublishAsync("orders.created", []byte(fmt.Sprint(i))); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		info, err := js.ConsumerInfo("ORDERS", "order-processor")
		if err != nil {
			return err
		}
		if info.AckFloor.Stream == 22 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the workers do not finish")
}
