// The dome turns.
Map<String, List<Integer>> f() { return null; }
