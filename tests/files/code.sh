# The dome turns.
cat <<EOF
${MAX_RETRY_COUNT} `date` *
EOF
