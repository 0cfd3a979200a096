// The dome turns.
List<Message> F() => new List<Message>();
