package main

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A store holds executions of one kind by ID. What it takes and gives are copies.
type store[E proto.Message] struct {
	mu         sync.Mutex
	changed    *sync.Cond
	prefix     string
	issued     int
	executions map[string][]E // every state that an execution had, the last one is the present one
}

func newStore[E proto.Message](prefix string) *store[E] {
	made := &store[E]{prefix: prefix, executions: map[string][]E{}}
	made.changed = sync.NewCond(&made.mu)
	return made
}

func (s *store[E]) nextID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	return fmt.Sprintf("%s-%d", s.prefix, s.issued)
}

func (s *store[E]) put(id string, execution E) E {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.executions[id] = append(s.executions[id], proto.CloneOf(execution))
	s.changed.Broadcast()
	return execution
}

func (s *store[E]) get(id string) (E, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present(id)
}

// report replaces each field of the stored status that the report sets.
func (s *store[E]) report(id string, report proto.Message) (E, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	execution, err := s.present(id)
	if err != nil {
		return execution, err
	}
	reflected := execution.ProtoReflect()
	stored := reflected.Mutable(reflected.Descriptor().Fields().ByName("status")).Message()
	report.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		stored.Clear(field)
		return true
	})
	proto.Merge(stored.Interface(), report)
	s.executions[id] = append(s.executions[id], proto.CloneOf(execution))
	s.changed.Broadcast()
	return execution, nil
}

// follow hands every state from the present one on to deliver, which says whether it was the last.
func (s *store[E]) follow(
	ctx context.Context, id string, deliver func(E) (bool, error),
) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.present(id); err != nil {
		return err
	}
	for seen := len(s.executions[id]) - 1; ; seen++ {
		for seen == len(s.executions[id]) {
			if ctx.Err() != nil {
				return status.FromContextError(ctx.Err()).Err()
			}
			s.changed.Wait()
		}
		execution := proto.CloneOf(s.executions[id][seen])
		s.mu.Unlock()
		last, err := deliver(execution)
		s.mu.Lock()
		if last || err != nil {
			return err
		}
	}
}

// present is a copy of the execution as it is. The caller holds the lock.
func (s *store[E]) present(id string) (E, error) {
	states := s.executions[id]
	if len(states) == 0 {
		var none E
		kind := none.ProtoReflect().Descriptor().Name()
		return none, status.Errorf(codes.NotFound, "no %s %s", kind, id)
	}
	return proto.CloneOf(states[len(states)-1]), nil
}
