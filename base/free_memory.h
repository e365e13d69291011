// Frees the memory of strings and vectors at once.
#pragma once

// Makes `container` (a std::string, std::vector or std::deque) empty and frees its memory. An assignment of {} does not
// free it: the standard calls operator= with an empty initializer list, which keeps the capacity. An assignment of
// std::string() keeps it, too. Use this function where the charge of the buffer ends, because kept capacity would be
// memory that no account holds.
template <class Container>
void free_memory(Container& container) {
  Container().swap(container);
}
