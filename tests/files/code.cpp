// The dome turns.
std::vector<std::pair<int, int>> f() { return {}; }
