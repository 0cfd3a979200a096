// The dome turns.
function f<T extends Message>(x: Array<T>): void {}
