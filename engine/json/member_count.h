// Counts the members of a struct at compile time, to check that a table of members is complete.
#pragma once
#include <cstddef>
#include <iterator>
#include <type_traits>

namespace engine {

// Finds the largest number of empty braces with which the struct can be initialised; each pair of
// braces stands for the default of one member. (Arguments that convert to anything would not work
// instead of braces: an std::optional accepts such an argument in two ways.)
template <class T>
consteval size_t member_count() {
  static_assert(std::is_aggregate_v<T>);
  // clang-format off
  constexpr bool takes[] = {
      true,
      requires { T{{}}; },
      requires { T{{}, {}}; },
      requires { T{{}, {}, {}}; },
      requires { T{{}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
  };
// clang-format on
size_t count = std::size(takes) - 1;
while (!takes[count]) --count;
return count;
}

}  // namespace engine
