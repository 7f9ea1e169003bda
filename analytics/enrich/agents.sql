SELECT DISTINCT user_agent FROM claimed WHERE user_agent IS NOT NULL;
