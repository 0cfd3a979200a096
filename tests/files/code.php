<?php // The dome turns.
echo $MAX_RETRY_COUNT . '<b>';
