// The dome turns.
const f = (x) => x < 3 && `${x}_${x}`;
