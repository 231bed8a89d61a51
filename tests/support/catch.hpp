// Catch2, version 2 (Debian 12) or 3.
#pragma once

#ifdef MDEVADM_CATCH2_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
