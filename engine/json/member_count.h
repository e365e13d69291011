// Counts the members of a struct at compile time, to check that a table of members is complete.
#pragma once
#include <cstddef>
#include <iterator>
#include <type_traits>

namespace engine {

// Finds the largest number of empty braces with which the struct can be initialised. Each pair of
// braces stands for the default value of one member. (Objects that convert to any type would not
// work instead of braces, because a std::optional could be initialised from such an object in two
// ways.)
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
