// Debian has no compiled Boost.JSON: this is its one instance in the binary.
#include <boost/json/src.hpp>
