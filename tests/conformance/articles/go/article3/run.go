package article3

import (
	"errors"
	"fmt"
	"os"
	"time"
)

var (
	data      []byte
	processed = make(chan any, 10)
)

func processOrder(order map[string]interface{}) error {
	fmt.Printf("Order %s: $%.2f\n", order["orderId"], order["totalAmount"])
	processed <- order["orderId"]
	return nil
}

// Run does what the article describes, and ends it as its reader would: with an interrupt.
func Run() error {
	coreExample()
	ended := make(chan struct{})
	go func() { jetStreamExample(); close(ended) }()
	select {
	case id := <-processed:
		if id != "ord-7829" {
			return fmt.Errorf("processed %v", id)
		}
	case <-time.After(20 * time.Second):
		return errors.New("nothing was processed")
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("not shut down")
	}
}
